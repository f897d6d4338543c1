import type { Initializer, Regularizer } from './spec.js';

/** A part of the flat float32 arrays of weights, gradients and moments. */
export interface Range {
  /** Position of its first value, in values. */
  readonly offset: number;
  /** Number of values. */
  readonly size: number;
}

/** One array of trainable numbers and its place. */
export interface Parameter extends Range {
  readonly name: string;
  readonly shape: readonly number[];
  readonly initializer: Initializer;
  /** None where it is not trained. */
  readonly regularizer: Regularizer;
  readonly trainable: boolean;
}

/** All parameters in the order of Keras's get_weights: layer by layer, kernel then bias. */
export interface ParameterLayout {
  readonly parameters: readonly Parameter[];
  /** Values in all parameters together. */
  readonly size: number;
}

/** Lays parameters one behind the other, without gaps. */
export function parameterLayout(parts: readonly Omit<Parameter, 'offset' | 'size'>[]): ParameterLayout {
  let offset = 0;
  const parameters = parts.map((part) => {
    const size = part.shape.reduce((product, extent) => product * extent, 1);
    const placed = { ...part, offset, size };
    offset += size;
    return placed;
  });
  return { parameters, size: offset };
}

/** The values of one place within a flat array of the layout's size: a view, not a copy. */
export function viewOf(flat: Float32Array, { offset, size }: Range): Float32Array {
  return size === flat.length ? flat : flat.subarray(offset, offset + size);
}
