import type { OptimizerSpec } from '../../shared/config/optimizerSchema.js';
import { type Parameter, type ParameterLayout, viewOf } from '../../shared/model/layout.js';
import type { MomentState } from '../savedModel.js';

/** One array of an optimizer's, that belongs to a parameter. */
export interface Slot {
  /** As Keras 2 calls them. */
  readonly kind: 'm' | 'v' | 'momentum' | 'velocity';
  readonly parameter: Parameter;
  readonly values: Float32Array;
}

/**
 * An optimizer's arrays in the order of Keras's `optimizer.variables`, behind its counter and its learning rate; of what is
 * trained. Keras 2 takes the optimizers of a .h5 file, but for AdamW, for those of before TensorFlow 2.11.
 */
export function slotsOf(spec: OptimizerSpec, { parameters }: ParameterLayout, { m, v }: MomentState, of: 'keras 2' | 'keras 3'): Slot[] {
  const trained = parameters.filter(({ trainable }) => trainable);
  const slots = (kind: Slot['kind'], flat: Float32Array): Slot[] =>
    trained.map((parameter) => ({ kind, parameter, values: viewOf(flat, parameter) }));
  switch (spec.name) {
    case 'adam':
    case 'adamw':
      if (of === 'keras 2' && spec.name === 'adam') return [...slots('m', m), ...slots('v', v)];
      return trained.flatMap((parameter) => [
        { kind: 'm', parameter, values: viewOf(m, parameter) },
        { kind: 'v', parameter, values: viewOf(v, parameter) },
      ]);
    case 'sgd':
      return spec.momentum > 0 ? slots('momentum', m) : [];
    case 'rmsprop':
      return [...slots('velocity', v), ...(spec.momentum > 0 ? slots('momentum', m) : [])];
  }
}
