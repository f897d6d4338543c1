import { z } from 'zod';
import type { Regularizer } from '../../shared/model/spec.js';

/** Layers of Keras that do something in training alone, which we lack. */
const noiseLayers: readonly string[] = ['GaussianNoise', 'GaussianDropout', 'AlphaDropout', 'ActivityRegularization'];

/** Arguments that matter in training alone, which we lack. */
const lackedArguments: readonly string[] = ['activity_regularizer', 'kernel_constraint', 'bias_constraint', 'noise_shape'];

const regularizer = z.object({
  class_name: z.enum(['L1', 'L2', 'L1L2']),
  config: z.object({ l1: z.number().default(0), l2: z.number().default(0) }),
});

/** Is it a layer that predictions pass through unchanged? */
export function isNoiseLayer(kind: string): boolean {
  return noiseLayers.includes(kind);
}

/** A penalty as we have it: none in the place of others, which `trainingOnly` names. */
export function regularizerOf(value: unknown): Regularizer {
  const { success, data } = regularizer.safeParse(value);
  return success ? data.config : { l1: 0, l2: 0 };
}

/** What a layer has for its training alone that ours lack, such as `kernel_constraint MaxNorm`. */
export function trainingOnly(kind: string, config: Readonly<Record<string, unknown>>): string[] {
  const isGiven = (key: string): boolean => config[key] !== null && config[key] !== undefined;
  const lacked = lackedArguments.filter(isGiven);
  const custom = ['kernel_regularizer', 'bias_regularizer'].filter((key) => isGiven(key) && !regularizer.safeParse(config[key]).success);
  return [...(isNoiseLayer(kind) ? [kind] : []), ...[...lacked, ...custom].map((key) => `${key} ${nameOf(config[key])}`)];
}

/** The class or the function of an object of Keras's. */
function nameOf(value: unknown): string {
  if (typeof value !== 'object' || value === null || !('class_name' in value)) return JSON.stringify(value);
  const isFunction = value.class_name === 'function' && 'config' in value;
  return String(isFunction ? value.config : value.class_name);
}
