import type { OptimizerSpec } from '../shared/config/optimizerSchema.js';
import { averaged, type Kernel, type KernelMemory, type Sum } from '../shared/kernel/kernel.js';
import { type ParameterLayout, type Place, viewOf } from '../shared/model/layout.js';
import { penaltyOf } from '../shared/model/penalty.js';
import type { Regularizer } from '../shared/model/spec.js';
import type { GradientSum } from './treeSum.js';

/** The optimizer's part of a checkpoint. */
export interface OptimizerState {
  readonly weights: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
  /** Updates so far: Adam's t. */
  readonly updates: number;
}

/** Neighbouring parameters with the same penalty. */
interface Range extends Place {
  readonly penalty: Regularizer;
}

function rangesOf({ parameters }: ParameterLayout): Range[] {
  const ranges: Range[] = [];
  for (const { offset, size, regularizer } of parameters) {
    const last = ranges.at(-1);
    const isSame = last?.penalty.l1 === regularizer.l1 && last.penalty.l2 === regularizer.l2;
    if (last && isSame) ranges[ranges.length - 1] = { ...last, size: last.size + size };
    else ranges.push({ offset, size, penalty: regularizer });
  }
  return ranges;
}

/** How many arrays of the weights' size an optimizer keeps in the kernel's memory: two of weights and two of moments. */
export const optimizerArrays = 4;

/**
 * Weights, moments and the rule that moves them: Keras's Adam, AdamW, SGD and RMSprop, with its penalties and clipping.
 * Weights alternate between two arrays, since the last ones may still be on their way to a worker.
 */
export class Optimizer {
  readonly #spec: OptimizerSpec;
  readonly #layout: ParameterLayout;
  readonly #kernel: Kernel;
  readonly #m: Float32Array;
  readonly #v: Float32Array;
  #weights: Float32Array;
  #next: Float32Array;
  /** What the rule goes over at once. */
  readonly #ranges: readonly Range[];
  #updates = 0;

  /** @param weights two arrays in the kernel's memory for the weights to take turns in; its own where not given */
  constructor(spec: OptimizerSpec, layout: ParameterLayout, { kernel, allocate }: KernelMemory, weights?: readonly Float32Array[]) {
    this.#spec = spec;
    this.#layout = layout;
    this.#ranges = rangesOf(layout);
    this.#kernel = kernel;
    const array = (): Float32Array => allocate(layout.size);
    [this.#weights, this.#next, this.#m, this.#v] = [weights?.[0] ?? array(), weights?.[1] ?? array(), array(), array()];
  }

  /** The weights as they are now. The array is written again at the update after the next. */
  get weights(): Float32Array {
    return this.#weights;
  }

  get state(): OptimizerState {
    return { weights: this.#weights, m: this.#m, v: this.#v, updates: this.#updates };
  }

  restore({ weights, m, v, updates }: OptimizerState): void {
    this.#weights.set(weights);
    this.#m.set(m);
    this.#v.set(v);
    this.#updates = updates;
  }

  /** Takes other weights, and leaves the moments as they are. */
  setWeights(weights: Float32Array): void {
    this.#next.set(weights);
    this.#swap();
  }

  /** What the regularizers add to the loss at the present weights. */
  penalty(): number {
    return penaltyOf(this.#layout, this.#weights, this.#kernel);
  }

  /**
   * Moves the weights by one step.
   * @param sum over the samples, finite; its arrays may be changed
   * @param count what makes a mean of it: the samples of the step
   */
  update({ gradient, addend }: GradientSum, count: number, learningRate: number): void {
    const isFused = this.#isFused;
    if (!isFused) {
      if (addend) this.#kernel.add(gradient, addend);
      this.#prepare(gradient, count);
    }
    this.#updates++;
    for (const range of this.#ranges) {
      const sum = isFused ? { count, penalty: range.penalty, addend: addend && viewOf(addend, range) } : averaged;
      this.#apply(range, viewOf(gradient, range), sum, learningRate);
    }
    this.#swap();
  }

  /** Can the rule add up and average the gradient in its own pass over it? Not where its norm must be known first. */
  get #isFused(): boolean {
    const { name, clipNorm, globalClipNorm, clipValue } = this.#spec;
    return (name === 'adam' || name === 'adamw') && clipNorm === undefined && globalClipNorm === undefined && clipValue === undefined;
  }

  /** Averages the gradient, adds the penalty's, and clips it. */
  #prepare(gradient: Float32Array, count: number): void {
    const { parameters } = this.#layout;
    const squaredNorms = parameters.map((parameter) =>
      this.#kernel.average(viewOf(gradient, parameter), viewOf(this.#weights, parameter), count, parameter.regularizer),
    );
    const squaredNorm = squaredNorms.reduce((sum, norm) => sum + norm, 0);
    for (const [i, parameter] of parameters.entries()) this.#clip(viewOf(gradient, parameter), squaredNorms[i] ?? 0, squaredNorm);
  }

  /** Keras: clipnorm for each variable, global_clipnorm over all, clipvalue for each value. */
  #clip(gradient: Float32Array, squaredNorm: number, globalSquaredNorm: number): void {
    const { clipNorm, globalClipNorm, clipValue } = this.#spec;
    if (clipNorm !== undefined)
      this.#kernel.clip(gradient, clipNorm / Math.max(Math.sqrt(squaredNorm), clipNorm), Number.POSITIVE_INFINITY);
    if (globalClipNorm !== undefined) {
      this.#kernel.clip(gradient, globalClipNorm / Math.max(Math.sqrt(globalSquaredNorm), globalClipNorm), Number.POSITIVE_INFINITY);
    }
    if (clipValue !== undefined) this.#kernel.clip(gradient, 1, clipValue);
  }

  #apply(range: Range, gradient: Float32Array, sum: Sum, rate: number): void {
    const spec = this.#spec;
    const arrays = {
      weights: viewOf(this.#weights, range),
      next: viewOf(this.#next, range),
      gradient,
      m: viewOf(this.#m, range),
      v: viewOf(this.#v, range),
      nextM: viewOf(this.#m, range),
      nextV: viewOf(this.#v, range),
    };
    switch (spec.name) {
      case 'adam':
      case 'adamw': {
        const { beta1, beta2, epsilon } = spec;
        const corrected = (rate * Math.sqrt(1 - beta2 ** this.#updates)) / (1 - beta1 ** this.#updates);
        const decay = spec.name === 'adamw' ? rate * spec.weightDecay : 0;
        this.#kernel.adam(arrays, sum, corrected, beta1, beta2, epsilon, decay);
        return;
      }
      case 'sgd':
        if (spec.momentum === 0) this.#kernel.sgd(arrays, rate);
        else this.#kernel.momentum(arrays, rate, spec.momentum, spec.nesterov);
        return;
      case 'rmsprop':
        this.#kernel.rmsprop(arrays, rate, spec.rho, spec.momentum, spec.epsilon);
        return;
      default:
        spec satisfies never;
    }
  }

  #swap(): void {
    [this.#weights, this.#next] = [this.#next, this.#weights];
  }
}
