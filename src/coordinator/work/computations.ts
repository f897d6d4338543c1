import type { Config } from '../../shared/config/configSchema.js';
import { divisorOf } from '../../shared/numbers/half/half.js';
import type { PartSums } from '../../shared/protocol/protocol.js';
import type { StepAnswers, StepPlan } from '../../step/stepBatch.js';
import { shardRange } from '../../step/tree.js';
import type { PartedSum, PartSum } from '../../step/update/partedSum.js';
import { Stopwatch } from '../timing/stopwatch.js';
import type { Tracer } from '../timing/tracer.js';
import type { Workers } from '../training/ports.js';
import type { Assignments } from './assignments.js';

export interface ComputationsOptions {
  readonly assignments: Assignments;
  readonly shards: number;
  readonly sum: PartedSum;
  readonly compression: Config['compression'];
  readonly tracer?: Tracer | undefined;
}

/** What a training asks of its workers: gradients, which are added up here as they come, and evaluations. */
export class Computations implements Workers {
  readonly #options: ComputationsOptions;
  /** Time spent adding gradients up. */
  readonly reducing: Stopwatch;

  constructor(options: ComputationsOptions) {
    this.#options = options;
    const { tracer } = options;
    this.reducing = new Stopwatch(tracer && ((from, to) => tracer.span('add', from, to)));
  }

  /**
   * Computes the gradient sum of one global batch, which is good until the next call, and the sums of its shards that are
   * not empty.
   * @param onPart is told of every part of the gradient as soon as all shards of it are in
   */
  async gradients(plan: StepPlan, weights: Float32Array, onPart?: (part: PartSum) => void): Promise<StepAnswers> {
    const { assignments, shards, sum, compression } = this.#options;
    const scale = Math.max(1, divisorOf(compression, plan.count) / plan.count);
    const reducedBefore = this.reducing.total;
    const root = { from: 0, to: shards };
    sum.start(root, wantedShards(shards, plan.count));
    assignments.beginStep();
    const tellOf = (parts: readonly PartSum[]): void => {
      for (const part of parts) onPart?.(part);
    };
    const job = assignments.askGradients({
      ...{ plan, weights, nodes: [root] },
      onPart: (node, part, tensor) => tellOf(this.reducing.time(() => sum.addPart(node, part, tensor))),
      onNode: (node, tensor, sums) => tensor && tellOf(this.reducing.time(() => sum.add(node, tensor, boundOf(sums, scale)))),
    });
    const parts = await assignments.finish(job);
    const result = this.reducing.time(() => sum.result());
    const reduceMs = this.reducing.total - reducedBefore;
    return { parts, ...result, nonFinite: assignments.nonFinite(job), computeMs: job.computeMs, reduceMs };
  }

  announce(weights: Float32Array, part: number): void {
    this.#options.assignments.announce(weights, part);
  }

  async evaluate(
    part: 'validation' | 'test',
    sizes: readonly number[],
    weights: Float32Array,
    onIdle?: () => void,
  ): Promise<readonly PartSums[]> {
    const { assignments } = this.#options;
    const samples = sizes.reduce((sum, size) => sum + size, 0);
    return assignments.finish(assignments.askEvaluation({ part, samples, sizes, weights, onIdle }));
  }

  abandon(): void {
    this.#options.assignments.abandon();
  }
}

/** The shards of a batch that are not empty. */
export function wantedShards(shards: number, count: number): Set<number> {
  const all = Array.from({ length: shards }, (_, shard) => shard);
  return new Set(all.filter((shard) => shardRange(shard, shards, count).to > shardRange(shard, shards, count).from));
}

/** What no value of the sum of some shards' gradients, each scaled, exceeds in magnitude: the sum of their norms. */
function boundOf(shards: readonly PartSums[], scale: number): number {
  return shards.reduce((sum, { squaredNorm }) => sum + Math.sqrt(squaredNorm) * scale, 0);
}
