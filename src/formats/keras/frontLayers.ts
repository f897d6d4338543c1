import { z } from 'zod';
import type { Preparation } from '../../shared/config/dataSchema.js';
import type { Parameter } from '../../shared/model/layout.js';
import { sizeOf } from '../../shared/model/shape.js';
import { DataError } from '../../shared/text/errors.js';
import { readConfig } from './kerasConfig.js';

/** What a layer does to inputs, value by value: `(x - subtract) / divide`. */
interface Step {
  readonly subtract: readonly number[];
  readonly divide: readonly number[];
}

/** A layer in front of a model that prepares its inputs; some of its numbers may stand among the model's weights. */
export interface FrontLayer {
  readonly name: string;
  /** Shape of the mean and the variance that it has learned; undefined where its config has them. */
  readonly learned: readonly number[] | undefined;
  /** @param mean what it has learned, and so `variance` */
  step(mean: ArrayLike<number>, variance: ArrayLike<number>): Step;
}

/** A number or any lists of numbers, also as Keras writes those of NumPy. */
const numbers = z.preprocess((value) => {
  const bare =
    typeof value === 'object' && value !== null && 'config' in value ? (value.config as { value?: unknown } | null)?.value : value;
  return Array.isArray(bare) ? bare.flat(Number.POSITIVE_INFINITY) : typeof bare === 'number' ? [bare] : bare;
}, z.array(z.number()).min(1));

const rescaling = z.object({
  scale: numbers.refine((scale) => !scale.includes(0), 'expected a scale other than 0'),
  offset: numbers.default([0]),
});

const normalization = z.object({
  axis: z.union([z.int().transform((axis) => [axis]), z.array(z.int()), z.null().transform(() => [])]).default([-1]),
  mean: numbers.nullish(),
  variance: numbers.nullish(),
  invert: z.literal(false, 'expected false').nullish(),
});

/** Keras's epsilon, below which it lets no deviation fall. */
const leastDeviation = 1e-7;

/**
 * Reads a layer in front of a model.
 * @param shape of one sample
 * @param what names the layer in messages
 */
export function frontLayer(
  kind: 'Rescaling' | 'Normalization',
  name: string,
  config: unknown,
  shape: readonly number[],
  what: string,
): FrontLayer {
  const last = shape.length - 1;
  const spread = (values: ArrayLike<number>, kept: readonly number[]): number[] => spreadOver(shape, values, kept, what);
  if (kind === 'Rescaling') {
    const read = readConfig(rescaling, config, what);
    const [scale, offset] = [spread(read.scale, [last]), spread(read.offset, [last])];
    const step = {
      subtract: offset.map((value, i) => (value === 0 ? 0 : -value / (scale[i] ?? 1))),
      divide: scale.map((factor) => 1 / factor),
    };
    return { name, learned: undefined, step: () => step };
  }
  const { axis, mean: ownMean, variance: ownVariance } = readConfig(normalization, config, what);
  // Axes are counted with that of the batch.
  const kept = axis.map((at) => (at < 0 ? shape.length + at : at - 1)).sort((a, b) => a - b);
  if (kept.some((at) => shape[at] === undefined))
    throw new DataError(`${what}: axis: expected axes of samples [${shape.join(', ')}], got ${axis.join(', ')}`);
  const own = ownMean && ownVariance ? { mean: ownMean, variance: ownVariance } : undefined;
  return {
    name,
    learned: own ? undefined : kept.map((at) => shape[at] ?? 0),
    step(mean, variance) {
      return {
        subtract: spread(own?.mean ?? mean, kept),
        divide: spread(own?.variance ?? variance, kept).map((square) => Math.max(Math.sqrt(square), leastDeviation)),
      };
    },
  };
}

/** One number for each value of a sample, of one number in all or one for each place on the kept axes. */
function spreadOver(shape: readonly number[], values: ArrayLike<number>, kept: readonly number[], what: string): number[] {
  const count = kept.reduce((product, axis) => product * (shape[axis] ?? 0), 1);
  if (values.length !== 1 && values.length !== count) throw new DataError(`${what}: expected 1 or ${count} numbers, got ${values.length}`);
  const inner = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  return Array.from({ length: sizeOf(shape) }, (_, i) => {
    const at = kept.reduce((sum, axis) => sum * (shape[axis] ?? 0) + (Math.floor(i / (inner[axis] ?? 1)) % (shape[axis] ?? 1)), 0);
    return values[values.length === 1 ? 0 : at] ?? 0;
  });
}

/** The arrays that a layer in front has among the model's weights. */
export function learnedArrays({ name, learned: shape }: FrontLayer): Omit<Parameter, 'offset' | 'size'>[] {
  if (!shape) return [];
  const rest = { shape, initializer: 'zeros', regularizer: { l1: 0, l2: 0 }, trainable: false } as const;
  return [
    { name: `${name}/mean`, ...rest },
    { name: `${name}/variance`, ...rest },
  ];
}

/** What all layers in front do together; undefined where there is none. @param arrays by their names */
export function preparationOf(front: readonly FrontLayer[], arrays: ReadonlyMap<string, Float32Array>): Preparation | undefined {
  const [first, ...others] = front.map(({ name, step }) => step(arrays.get(`${name}/mean`) ?? [], arrays.get(`${name}/variance`) ?? []));
  if (!first) return undefined;
  let { subtract, divide } = first;
  for (const next of others) {
    subtract = subtract.map((value, i) => value + (next.subtract[i] ?? 0) * (divide[i] ?? 1));
    divide = divide.map((value, i) => value * (next.divide[i] ?? 1));
  }
  const [factor = 1] = divide;
  const isOneDivisor = factor > 0 && divide.every((value) => value === factor) && subtract.every((value) => value === 0);
  return isOneDivisor ? { divide: factor } : { subtract, divide };
}
