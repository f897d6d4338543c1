import type { OptimizerSpec } from '../../shared/config/optimizerSchema.js';
import { type ParameterLayout, type Range, viewOf } from '../../shared/model/layout.js';
import { penaltyOf } from '../../shared/model/penalty.js';
import { overlapOf, type Slices } from '../../shared/model/slices.js';
import type { Regularizer } from '../../shared/model/spec.js';
import { averaged, type Kernel, type KernelMemory, type Sum } from '../../shared/numbers/kernel/kernel.js';
import type { GradientSum, SliceListener, Timing } from './treeSum.js';

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
interface PenaltyRange extends Range {
  readonly penalty: Regularizer;
  readonly trainable: boolean;
}

function rangesOf({ parameters }: ParameterLayout): PenaltyRange[] {
  const ranges: PenaltyRange[] = [];
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
  /** Squared norms of the slices that have been moved, of the averaged gradient without penalties. */
  readonly moved: Map<number, number>;
}

/** Where the gradient sum of a step is. */
export interface GradientSource {
  /** Of all slices, once all is in. */
  result(): readonly GradientSum[];
  /** Tells of every slice as soon as its sum is complete. */
  follow(listener: SliceListener): void;
}

/** How the gradient is cut, and what the optimizer does with its slices. */
export interface OptimizerOptions {
  readonly slices: Slices;
  readonly source: GradientSource;
  /** Keep the last moments until an update is committed, so that slices can be moved before it is known that it will be. */
  readonly keepsMoments: boolean;
  /** Two arrays in the kernel's memory for the weights to take turns in; its own where not given. */
  readonly weights?: readonly Float32Array[] | undefined;
  /** Keeps the time of its passes. */
  readonly timing?: Timing | undefined;
}

/**
 * Weights, moments and the rule that moves them: Keras's Adam, AdamW, SGD and RMSprop, with its penalties and clipping.
 * It takes the gradient's sum from where that is added up. An update is begun, moved slice by slice, where that can be, as
 * each is complete, and committed; one that is not committed has changed nothing. Weights alternate between two arrays,
 * since the last ones may still be on their way to a worker.
 */
export class Optimizer {
  readonly #spec: OptimizerSpec;
  readonly #layout: ParameterLayout;
  readonly #kernel: Kernel;
  readonly #slices: Slices;
  readonly #source: GradientSource;
  readonly #keepsMoments: boolean;
  readonly #timing: Timing | undefined;
  #tellMoved: (slice: number) => void = () => undefined;
  #now: Moving;
  #next: Moving;
  /** What the rule goes over at once. */
  readonly #ranges: readonly PenaltyRange[];
  #updates = 0;
  #update: Update | undefined;

  constructor(spec: OptimizerSpec, layout: ParameterLayout, { kernel, allocate }: KernelMemory, options: OptimizerOptions) {
    this.#spec = spec;
    this.#layout = layout;
    this.#ranges = rangesOf(layout);
    this.#kernel = kernel;
    this.#slices = options.slices;
    this.#source = options.source;
    this.#timing = options.timing;
    this.#keepsMoments = options.keepsMoments;
    const array = (): Float32Array => allocate(layout.size);
    const { weights } = options;
    this.#now = { weights: weights?.[0] ?? array(), m: array(), v: array() };
    const moments = options.keepsMoments ? { m: array(), v: array() } : this.#now;
    this.#next = { ...moments, weights: weights?.[1] ?? array() };
    options.source.follow((slice, sum) => this.#take(slice, sum));
  }

  /** Tells of every slice of the weights to come that has been moved ahead of the commit. */
  follow(listener: (slice: number) => void): void {
    this.#tellMoved = listener;
  }

  /** The weights as they are now. The array is written again in the update after the next. */
  get weights(): Float32Array {
    return this.#now.weights;
  }

  /** What the update that was begun writes: the weights to come, where slices have been moved. */
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

  /** Can slices be moved as they come? Not where the norm of the whole gradient must be known first, or where the moments would be lost. */
  get movesSlices(): boolean {
    return this.#keepsMoments && !clips(this.#spec);
  }

  /**
   * Begins an update; one that was begun before and not committed is dropped.
   * @param count what makes a mean of the sum: the samples of the step
   */
  begin(count: number, rate: number): void {
    this.#update = { count, rate, moved: new Map() };
  }

  /** A slice's sum is complete. It is moved at once if the update that it is for has begun. */
  #take(slice: number, sum: GradientSum): void {
    if (!this.#update || !this.movesSlices) return;
    this.#timed(() => this.#move(slice, sum));
    this.#tellMoved(slice);
  }

  /** The update that was begun does not come: its sum is not finite. */
  drop(): void {
    this.#update = undefined;
  }

  /** Moves one slice of the weights. @param sum over the samples; its arrays may be changed */
  #move(slice: number, sum: GradientSum): void {
    const place = this.#slices[slice];
    if (!place) throw new RangeError(`there is no slice ${slice} of the weights`);
    let norm = 0;
    for (const range of this.#ranges) {
      const piece = overlapOf(range, place);
      if (piece) norm += this.#movePiece({ ...range, ...piece }, partOf(sum, place, piece));
    }
    this.#begun.moved.set(slice, norm);
  }

  /** The mean gradient, without penalties, of a sum that is complete, before its update is committed. */
  meanGradient(): Float32Array {
    const mean = new Float32Array(this.#layout.size);
    for (const [slice, { gradient, addend }] of this.#source.result().entries()) {
      const offset = this.#slices[slice]?.offset ?? 0;
      for (let i = 0; i < gradient.length; i++) mean[offset + i] = ((gradient[i] ?? 0) + (addend?.[i] ?? 0)) / this.#begun.count;
    }
    return mean;
  }

  /**
   * Moves what has not been moved, and takes the new weights over. Returns the squared norm of the averaged gradient,
   * without penalties and before clipping, to five digits. The sum must be complete and finite.
   */
  commit(): number {
    return this.#timed(() => {
      const sums = this.#source.result();
      const { moved } = this.#begun;
      if (clips(this.#spec)) moved.set(0, this.#moveClipped(sums));
      else for (const [slice, sum] of sums.entries()) if (!moved.has(slice)) this.#move(slice, sum);
      this.#update = undefined;
      this.#updates++;
      [this.#now, this.#next] = [this.#next, this.#now];
      // In the slices' order, in whichever they came.
      return sums.reduce((norm, _, slice) => norm + (moved.get(slice) ?? 0), 0);
    });
  }

  #timed<T>(work: () => T): T {
    return this.#timing ? this.#timing.time(work) : work();
  }

  /** Adam adds up and averages the gradient in its own pass over it. Returns the squared norm of what it has averaged. */
  #movePiece(range: PenaltyRange, { gradient, addend }: GradientSum): number {
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
   * The whole sum in one array, where its slices may stand in different ones: that of the weights to come, each value of
   * which is written only after the gradient's has been read.
   */
  #gathered(sums: readonly GradientSum[]): Float32Array {
    const [only] = sums;
    if (sums.length === 1 && only && !only.addend) return only.gradient;
    for (const [slice, { gradient, addend }] of sums.entries()) {
      if (addend) this.#kernel.add(gradient, addend);
      this.#next.weights.set(gradient, this.#slices[slice]?.offset);
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
  #apply(range: PenaltyRange, gradient: Float32Array, sum: Sum): number {
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
function partOf({ gradient, addend }: GradientSum, { offset }: Range, piece: Range): GradientSum {
  const within = { offset: piece.offset - offset, size: piece.size };
  return { gradient: viewOf(gradient, within), addend: addend && viewOf(addend, within) };
}
