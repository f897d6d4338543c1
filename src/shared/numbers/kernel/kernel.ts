import { openWasm, type WasmMemory } from '../wasm.js';
import { Crew } from './crew.js';
import { oneThread, type Passes, type PassName } from './kernelPasses.js';

/** What a penalty adds to a parameter's gradient: l1 * sign(w) + 2 * l2 * w. */
export interface Penalty {
  readonly l1: number;
  readonly l2: number;
}

/**
 * Weights now, weights after the step, the prepared gradient, and the moments of one parameter now and after the step:
 * arrays of one length. Moments may be written where they are read.
 */
export interface UpdateArrays {
  readonly weights: Float32Array;
  readonly next: Float32Array;
  readonly gradient: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
  readonly nextM: Float32Array;
  readonly nextV: Float32Array;
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
  /** gradient = gradient / count + penalty's gradient */
  average(gradient: Float32Array, weights: Float32Array, count: number, penalty: Penalty): void;
  /** gradient = clamp(gradient * scale, -limit, limit) */
  clip(gradient: Float32Array, scale: number, limit: number): void;
  /**
   * Keras's Adam; `rate` holds the bias corrections. AdamW where `decay` (learning rate * weight decay) is above zero.
   * The gradient may be a sum that is still to be added up and averaged: one pass does what `add`, `average` and this
   * would do in three. Returns the squared norm of the averaged gradient before its penalty, to five digits.
   */
  adam(arrays: UpdateArrays, sum: Sum, rate: number, beta1: number, beta2: number, epsilon: number, decay: number): number;
  /** next = w - rate * gradient */
  sgd(arrays: Pick<UpdateArrays, 'weights' | 'next' | 'gradient'>, rate: number): void;
  /** Keras's SGD with momentum. */
  momentum(arrays: Omit<UpdateArrays, 'v' | 'nextV'>, rate: number, momentum: number, nesterov: boolean): void;
  /** Keras's RMSprop. */
  rmsprop(arrays: UpdateArrays, rate: number, rho: number, momentum: number, epsilon: number): void;
}

/** A kernel and the memory its arrays must stand in. */
export interface KernelMemory extends Pick<WasmMemory<unknown>, 'allocate' | 'area'> {
  readonly kernel: Kernel;
  /** Ends the threads that help, if there are any. */
  close(): void;
}

export interface KernelRequest {
  /** Of the arrays to come, in values. */
  readonly lengths: readonly number[];
  /** Bytes of further pages, in which other memory may be put. */
  readonly areaBytes?: number | undefined;
  /** Threads beside the caller's that take part in passes over long arrays. The bits are the same with any number. */
  readonly helpers?: number;
}

/**
 * Opens the SIMD WebAssembly kernel over a memory with room for the given arrays.
 * @throws RunError where they do not fit into 4 GiB or the machine has not got the memory
 */
export function openKernel({ lengths, areaBytes, helpers = 0 }: KernelRequest): KernelMemory {
  // Beside them the norms of blocks, as float64.
  const normsLength = 2 * Math.ceil(Math.max(...lengths) / normBlock);
  const request = { lengths: [...lengths, normsLength], areaBytes, holds: 'weights, moments and gradients' };
  if (helpers === 0) {
    const memory = openWasm<Exports>({ ...request, module: '#kernel.wasm' });
    return { ...memory, kernel: kernelIn(memory, normsLength, oneThread(memory.exports)), close: () => undefined };
  }
  const memory = openWasm<Exports>({ ...request, module: '#kernel-shared.wasm', isShared: true });
  const crew = new Crew(memory, helpers);
  return { ...memory, kernel: kernelIn(memory, normsLength, crew.run), close: () => crew.close() };
}

/** Values whose squares the kernel adds up to one number. */
const normBlock = 4_096;

interface Exports extends Passes {
  squaredNorm(values: number, length: number): number;
  roughSquaredNorm(values: number, length: number): number;
  absoluteSum(values: number, length: number): number;
}

/**
 * @param normsLength of the room for the norms of an array's blocks
 * @param run one of the module's passes: addresses, length, numbers; says whether what it checks holds
 */
function kernelIn(
  { exports: wasm, addressOf: at, allocate }: WasmMemory<Exports>,
  normsLength: number,
  run: (pass: PassName, addresses: readonly number[], length: number, ...numbers: number[]) => boolean,
): Kernel {
  // Behind all else, and only where it is needed: large arrays stay where they were best placed.
  let norms: Float64Array | undefined;
  const roomForNorms = (): Float64Array => {
    const { buffer, byteOffset, length } = allocate(normsLength);
    return new Float64Array(buffer, byteOffset, length / 2);
  };
  return {
    add: (into, values) => run('add', [at(into), at(values)], into.length),
    squaredNorm: (values) => wasm.squaredNorm(at(values), values.length),
    roughSquaredNorm: (values) => wasm.roughSquaredNorm(at(values), values.length),
    isFinite: (values) => run('isFinite', [at(values)], values.length),
    absoluteSum: (values) => wasm.absoluteSum(at(values), values.length),
    average(gradient, weights, count, { l1, l2 }) {
      run('average', [at(gradient), at(weights)], gradient.length, count, l1, 2 * l2);
    },
    clip(gradient, scale, limit) {
      run('clip', [at(gradient)], gradient.length, scale, limit);
    },
    adam(a, { addend, count, penalty: { l1, l2 } }, rate, beta1, beta2, epsilon, decay) {
      const places = [at(a.weights), at(a.next), at(a.gradient), addend ? at(addend) : 0, at(a.m), at(a.v), at(a.nextM), at(a.nextV)];
      const { length } = a.weights;
      norms ??= roomForNorms();
      run('adam', places, length, rate, 1 - beta1, 1 - beta2, epsilon, decay, count, l1, 2 * l2, norms.byteOffset, at(a.weights));
      let norm = 0;
      for (let i = 0; i < Math.ceil(length / normBlock); i++) norm += norms[i] ?? 0;
      return norm;
    },
    sgd(a, rate) {
      run('sgd', [at(a.weights), at(a.next), at(a.gradient)], a.weights.length, rate);
    },
    momentum(a, rate, momentum, nesterov) {
      const places = [at(a.weights), at(a.next), at(a.gradient), at(a.m), at(a.nextM)];
      run('momentum', places, a.weights.length, rate, momentum, Number(nesterov));
    },
    rmsprop(a, rate, rho, momentum, epsilon) {
      const places = [at(a.weights), at(a.next), at(a.gradient), at(a.m), at(a.v), at(a.nextM), at(a.nextV)];
      run('rmsprop', places, a.weights.length, rate, rho, 1 - rho, momentum, epsilon);
    },
  };
}
