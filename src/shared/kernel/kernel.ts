import { openWasm, type WasmMemory } from '../wasm.js';

/** What a penalty adds to a parameter's gradient: l1 * sign(w) + 2 * l2 * w. */
export interface Penalty {
  readonly l1: number;
  readonly l2: number;
}

/** Weights now, weights after the step, the prepared gradient and the moments of one parameter: arrays of one length. */
export interface UpdateArrays {
  readonly weights: Float32Array;
  readonly next: Float32Array;
  readonly gradient: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
}

/** What makes a gradient of a sum over samples: add what is still to be added, divide by their number, add the penalty's. */
export interface Sum {
  readonly addend?: Float32Array | undefined;
  readonly count: number;
  readonly penalty: Penalty;
}

/** A gradient that is one already. */
export const averaged: Sum = { count: 1, penalty: { l1: 0, l2: 0 } };

/**
 * The passes over a whole gradient. All arithmetic is float32, element by element, and so the same bits everywhere;
 * norms are float64 over fixed blocks of 4,096 values, added up in block order.
 */
export interface Kernel {
  /** into += values. Is every sum a finite number? */
  add(into: Float32Array, values: Float32Array): boolean;
  /** Sum of squares; not finite exactly where a value is not. */
  squaredNorm(values: Float32Array): number;
  /** The same to seven digits, in a third of the time; infinite also where a value is above 1e19. */
  roughSquaredNorm(values: Float32Array): number;
  /** Is every value a finite number? */
  isFinite(values: Float32Array): boolean;
  /** Sum of absolute values. */
  absoluteSum(values: Float32Array): number;
  /** gradient = gradient / count + penalty's gradient; returns the sum of its squares. */
  average(gradient: Float32Array, weights: Float32Array, count: number, penalty: Penalty): number;
  /** gradient = clamp(gradient * scale, -limit, limit) */
  clip(gradient: Float32Array, scale: number, limit: number): void;
  /**
   * Keras's Adam; `rate` holds the bias corrections. AdamW where `decay` (learning rate * weight decay) is above zero.
   * The gradient may be a sum that is still to be added up and averaged: one pass does what `add`, `average` and this
   * would do in three.
   */
  adam(arrays: UpdateArrays, sum: Sum, rate: number, beta1: number, beta2: number, epsilon: number, decay: number): void;
  /** next = w - rate * gradient */
  sgd(arrays: Omit<UpdateArrays, 'm' | 'v'>, rate: number): void;
  /** Keras's SGD with momentum. */
  momentum(arrays: Omit<UpdateArrays, 'v'>, rate: number, momentum: number, nesterov: boolean): void;
  /** Keras's RMSprop. */
  rmsprop(arrays: UpdateArrays, rate: number, rho: number, momentum: number, epsilon: number): void;
}

/** A kernel and the memory its arrays must stand in. */
export interface KernelMemory extends Pick<WasmMemory<unknown>, 'allocate' | 'area'> {
  readonly kernel: Kernel;
}

/**
 * Opens the SIMD WebAssembly kernel over a memory with room for the given arrays.
 * @param lengths of the arrays to come, in values
 * @param areaBytes bytes of further pages, in which other memory may be put
 * @throws RunError where they do not fit into 4 GiB or the machine has not got the memory
 */
export function openKernel(lengths: readonly number[], areaBytes = 0): KernelMemory {
  const memory = openWasm<Exports>({ module: '#kernel.wasm', lengths, areaBytes, holds: 'weights, moments and gradients' });
  const { allocate, area } = memory;
  return { kernel: kernelIn(memory), allocate, area };
}

interface Exports {
  add(into: number, values: number, length: number): number;
  squaredNorm(values: number, length: number): number;
  roughSquaredNorm(values: number, length: number): number;
  isFinite(values: number, length: number): number;
  absoluteSum(values: number, length: number): number;
  average(gradient: number, weights: number, length: number, count: number, l1: number, twiceL2: number): number;
  clip(gradient: number, length: number, scale: number, limit: number): void;
  adam(
    w: number,
    next: number,
    g: number,
    m: number,
    v: number,
    length: number,
    rate: number,
    b1: number,
    b2: number,
    epsilon: number,
    decay: number,
    addend: number,
    count: number,
    l1: number,
    twiceL2: number,
  ): void;
  sgd(w: number, next: number, g: number, length: number, rate: number): void;
  momentum(w: number, next: number, g: number, m: number, length: number, rate: number, momentum: number, nesterov: boolean): void;
  rmsprop(
    w: number,
    next: number,
    g: number,
    m: number,
    v: number,
    length: number,
    rate: number,
    rho: number,
    other: number,
    momentum: number,
    epsilon: number,
  ): void;
}

function kernelIn({ exports: wasm, addressOf: at }: WasmMemory<Exports>): Kernel {
  return {
    add: (into, values) => wasm.add(at(into), at(values), into.length) !== 0,
    squaredNorm: (values) => wasm.squaredNorm(at(values), values.length),
    roughSquaredNorm: (values) => wasm.roughSquaredNorm(at(values), values.length),
    isFinite: (values) => wasm.isFinite(at(values), values.length) !== 0,
    absoluteSum: (values) => wasm.absoluteSum(at(values), values.length),
    average: (gradient, weights, count, { l1, l2 }) => wasm.average(at(gradient), at(weights), gradient.length, count, l1, 2 * l2),
    clip: (gradient, scale, limit) => wasm.clip(at(gradient), gradient.length, scale, limit),
    adam(a, { addend, count, penalty: { l1, l2 } }, rate, beta1, beta2, epsilon, decay) {
      const places = [at(a.weights), at(a.next), at(a.gradient), at(a.m), at(a.v)] as const;
      wasm.adam(...places, a.weights.length, rate, 1 - beta1, 1 - beta2, epsilon, decay, addend ? at(addend) : 0, count, l1, 2 * l2);
    },
    sgd: (a, rate) => wasm.sgd(at(a.weights), at(a.next), at(a.gradient), a.weights.length, rate),
    momentum: (a, rate, momentum, nesterov) =>
      wasm.momentum(at(a.weights), at(a.next), at(a.gradient), at(a.m), a.weights.length, rate, momentum, nesterov),
    rmsprop: (a, rate, rho, momentum, epsilon) =>
      wasm.rmsprop(at(a.weights), at(a.next), at(a.gradient), at(a.m), at(a.v), a.weights.length, rate, rho, 1 - rho, momentum, epsilon),
  };
}
