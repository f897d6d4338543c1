import type { OptimizerSpec } from '../../shared/config/optimizerSchema.js';
import { type ParameterLayout, type Place, viewOf } from '../../shared/model/layout.js';
import { penaltyOf } from '../../shared/model/penalty.js';
import { overlapOf, type Partition } from '../../shared/model/slices.js';
import type { Regularizer } from '../../shared/model/spec.js';
import { averaged, type Kernel, type KernelMemory, type Sum } from '../../shared/numbers/kernel/kernel.js';
import type { GradientSum } from './treeSum.js';

/** The optimizer's part of a checkpoint. */
export interface OptimizerState {
  readonly weights: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
  /** Updates so far: Adam's t. */
  readonly updates: number;
}

/** What an update moves. */
interface Moving {
  readonly weights: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
}

/** Neighbouring parameters with the same penalty, all of which are trained or none. */
interface Range extends Place {
  readonly penalty: Regularizer;
  readonly trainable: boolean;
}

function rangesOf({ parameters }: ParameterLayout): Range[] {
  const ranges: Range[] = [];
  for (const { offset, size, regularizer, trainable } of parameters) {
    const last = ranges.at(-1);
    const isSame = last?.penalty.l1 === regularizer.l1 && last.penalty.l2 === regularizer.l2 && last.trainable === trainable;
    if (last && isSame) ranges[ranges.length - 1] = { ...last, size: last.size + size };
    else ranges.push({ offset, size, penalty: regularizer, trainable });
  }
  return ranges;
}

/** Arrays of the weights' size that an optimizer keeps in the kernel's memory: two of weights, and two of moments or four. */
export function optimizerArrays(keepsMoments: boolean): number {
  return keepsMoments ? 6 : 4;
}

/** Is the gradient changed by what it is as a whole, or value by value, before it moves anything? */
export function clips({ clipNorm, globalClipNorm, clipValue }: OptimizerSpec): boolean {
  return clipNorm !== undefined || globalClipNorm !== undefined || clipValue !== undefined;
}

/** An update that has been begun. */
interface Update {
  readonly count: number;
  readonly rate: number;
  /** Squared norms of the parts that have been moved, of the averaged gradient without penalties. */
  readonly moved: Map<number, number>;
}

/** How the gradient is cut, and what the optimizer does with its parts. */
export interface OptimizerOptions {
  readonly partition: Partition;
  /** Keep the last moments until an update is committed, so that parts can be moved before it is known that it will be. */
  readonly keepsMoments: boolean;
  /** Two arrays in the kernel's memory for the weights to take turns in; its own where not given. */
  readonly weights?: readonly Float32Array[] | undefined;
}

/**
 * Weights, moments and the rule that moves them: Keras's Adam, AdamW, SGD and RMSprop, with its penalties and clipping.
 * An update is begun, moved part by part, and committed; one that is not committed has changed nothing. Weights alternate
 * between two arrays, since the last ones may still be on their way to a worker.
 */
export class Optimizer {
  readonly #spec: OptimizerSpec;
  readonly #layout: ParameterLayout;
  readonly #kernel: Kernel;
  readonly #partition: Partition;
  readonly #keepsMoments: boolean;
  #now: Moving;
  #next: Moving;
  /** What the rule goes over at once. */
  readonly #ranges: readonly Range[];
  #updates = 0;
  #update: Update | undefined;

  constructor(spec: OptimizerSpec, layout: ParameterLayout, { kernel, allocate }: KernelMemory, options: OptimizerOptions) {
    this.#spec = spec;
    this.#layout = layout;
    this.#ranges = rangesOf(layout);
    this.#kernel = kernel;
    this.#partition = options.partition;
    this.#keepsMoments = options.keepsMoments;
    const array = (): Float32Array => allocate(layout.size);
    const { weights } = options;
    this.#now = { weights: weights?.[0] ?? array(), m: array(), v: array() };
    const moments = options.keepsMoments ? { m: array(), v: array() } : this.#now;
    this.#next = { ...moments, weights: weights?.[1] ?? array() };
  }

  /** The weights as they are now. The array is written again in the update after the next. */
  get weights(): Float32Array {
    return this.#now.weights;
  }

  /** What the update that was begun writes: the weights to come, where parts have been moved. */
  get nextWeights(): Float32Array {
    return this.#next.weights;
  }

  get state(): OptimizerState {
    return { ...this.#now, updates: this.#updates };
  }

  restore({ weights, m, v, updates }: OptimizerState): void {
    this.#now.weights.set(weights);
    this.#now.m.set(m);
    this.#now.v.set(v);
    this.#updates = updates;
  }

  /** Takes other weights, and leaves the moments as they are. */
  setWeights(weights: Float32Array): void {
    this.#next.weights.set(weights);
    [this.#now, this.#next] = [
      { ...this.#now, weights: this.#next.weights },
      { ...this.#next, weights: this.#now.weights },
    ];
  }

  /** What the regularizers add to the loss at the present weights. */
  penalty(): number {
    return penaltyOf(this.#layout, this.weights, this.#kernel);
  }

  /** Can parts be moved as they come? Not where the norm of the whole gradient must be known first, or where the moments would be lost. */
  get movesParts(): boolean {
    return this.#keepsMoments && !clips(this.#spec);
  }

  /**
   * Begins an update; one that was begun before and not committed is dropped.
   * @param count what makes a mean of the sum: the samples of the step
   */
  begin(count: number, rate: number): void {
    this.#update = { count, rate, moved: new Map() };
  }

  /** Moves one part of the weights. @param sum over the samples; its arrays may be changed */
  move(part: number, sum: GradientSum): void {
    const place = this.#partition[part];
    if (!place) throw new RangeError(`there is no part ${part} of the weights`);
    let norm = 0;
    for (const range of this.#ranges) {
      const piece = overlapOf(range, place);
      if (piece) norm += this.#movePiece({ ...range, ...piece }, partOf(sum, place, piece));
    }
    this.#begun.moved.set(part, norm);
  }

  /**
   * Moves what has not been moved, and takes the new weights over. Returns the squared norm of the averaged gradient,
   * without penalties and before clipping, to five digits.
   * @param sums of all parts, all of them finite
   */
  commit(sums: readonly GradientSum[]): number {
    const { moved } = this.#begun;
    if (clips(this.#spec)) moved.set(0, this.#moveClipped(sums));
    else for (const [part, sum] of sums.entries()) if (!moved.has(part)) this.move(part, sum);
    this.#update = undefined;
    this.#updates++;
    [this.#now, this.#next] = [this.#next, this.#now];
    // In the parts' order, in whichever they came.
    return sums.reduce((norm, _, part) => norm + (moved.get(part) ?? 0), 0);
  }

  /** Adam adds up and averages the gradient in its own pass over it. Returns the squared norm of what it has averaged. */
  #movePiece(range: Range, { gradient, addend }: GradientSum): number {
    const { name } = this.#spec;
    const { count } = this.#begun;
    if (name === 'adam' || name === 'adamw') return this.#apply(range, gradient, { count, penalty: range.penalty, addend });
    if (addend) this.#kernel.add(gradient, addend);
    const norm = this.#kernel.roughSquaredNorm(gradient) / count ** 2;
    this.#kernel.average(gradient, viewOf(this.weights, range), count, range.penalty);
    this.#apply(range, gradient, averaged);
    return norm;
  }

  get #begun(): Update {
    if (!this.#update) throw new RangeError('there is no update');
    return this.#update;
  }

  /** Averages the whole gradient, adds the penalty's, clips, and moves. Returns the squared norm of what it has averaged. */
  #moveClipped(sums: readonly GradientSum[]): number {
    const gradient = this.#gathered(sums);
    const norm = this.#kernel.roughSquaredNorm(gradient) / this.#begun.count ** 2;
    const { parameters } = this.#layout;
    const squaredNorms = parameters.map((parameter) => {
      const view = viewOf(gradient, parameter);
      this.#kernel.average(view, viewOf(this.weights, parameter), this.#begun.count, parameter.regularizer);
      return this.#kernel.squaredNorm(view);
    });
    const squaredNorm = squaredNorms.reduce((sum, norm) => sum + norm, 0);
    for (const [i, parameter] of parameters.entries()) this.#clip(viewOf(gradient, parameter), squaredNorms[i] ?? 0, squaredNorm);
    for (const range of this.#ranges) this.#apply(range, viewOf(gradient, range), averaged);
    return norm;
  }

  /**
   * The whole sum in one array, where its parts may stand in different ones: that of the weights to come, each value of
   * which is written only after the gradient's has been read.
   */
  #gathered(sums: readonly GradientSum[]): Float32Array {
    const [only] = sums;
    if (sums.length === 1 && only && !only.addend) return only.gradient;
    for (const [part, { gradient, addend }] of sums.entries()) {
      if (addend) this.#kernel.add(gradient, addend);
      this.#next.weights.set(gradient, this.#partition[part]?.offset);
    }
    return this.#next.weights;
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

  /** Returns what Adam says of the gradient's norm. */
  #apply(range: Range, gradient: Float32Array, sum: Sum): number {
    const spec = this.#spec;
    const { rate } = this.#begun;
    const [now, next] = [this.#now, this.#next];
    const arrays = {
      weights: viewOf(now.weights, range),
      next: viewOf(next.weights, range),
      gradient,
      m: viewOf(now.m, range),
      v: viewOf(now.v, range),
      nextM: viewOf(next.m, range),
      nextV: viewOf(next.v, range),
    };
    switch (spec.name) {
      case 'adam':
      case 'adamw': {
        const { beta1, beta2, epsilon } = spec;
        const t = this.#updates + 1;
        const corrected = (rate * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t);
        const decay = spec.name === 'adamw' && range.trainable ? rate * spec.weightDecay : 0;
        return this.#kernel.adam(arrays, sum, corrected, beta1, beta2, epsilon, decay);
      }
      case 'sgd':
        if (spec.momentum === 0) this.#kernel.sgd(arrays, rate);
        else this.#kernel.momentum(arrays, rate, spec.momentum, spec.nesterov);
        return 0;
      case 'rmsprop':
        this.#kernel.rmsprop(arrays, rate, spec.rho, spec.momentum, spec.epsilon);
        return 0;
      default:
        return spec satisfies never;
    }
  }
}

/** A piece of the sum of a place that it lies within. */
function partOf({ gradient, addend }: GradientSum, { offset }: Place, piece: Place): GradientSum {
  const within = { offset: piece.offset - offset, size: piece.size };
  return { gradient: viewOf(gradient, within), addend: addend && viewOf(addend, within) };
}
