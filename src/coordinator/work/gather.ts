import type { Config } from '../../shared/config/configSchema.js';
import { divisorOf } from '../../shared/numbers/half/half.js';
import type { UnitSums } from '../../shared/protocol/protocol.js';
import { type StepBatch, sizeOfBatch, wantedShards } from '../../step/stepBatch.js';
import type { SlicedSum } from '../../step/update/treeSum.js';
import type { StepAnswers, Workers } from '../training/ports.js';
import type { Assignments } from './assignments.js';

export interface GatherOptions {
  readonly assignments: Assignments;
  readonly shards: number;
  /** Where the gradients are added up as they come. */
  readonly sum: SlicedSum;
  readonly compression: Config['compression'];
}

/** What a training asks of its workers, and waits for: gradients and evaluations. */
export class Gather implements Workers {
  readonly #options: GatherOptions;
  /** Shards of the last step that were not empty; most steps have as many samples. */
  #last: { readonly count: number; readonly wanted: ReadonlySet<number> } = { count: 0, wanted: new Set() };

  constructor(options: GatherOptions) {
    this.#options = options;
  }

  async gradients(batch: StepBatch, weights: Float32Array): Promise<StepAnswers> {
    const { assignments, shards, sum, compression } = this.#options;
    const count = sizeOfBatch(batch);
    if (count !== this.#last.count) this.#last = { count, wanted: wantedShards(batch, shards) };
    const root = { from: 0, to: shards };
    sum.start(root, this.#last.wanted, Math.max(1, divisorOf(compression, count) / count));
    assignments.beginStep();
    const job = assignments.askGradients({ batch, weights, nodes: [root], sink: sum });
    const sums = await assignments.finish(job);
    return { sums, isFinite: sum.isFinite, nonFinite: assignments.nonFinite(job), computeMs: job.computeMs };
  }

  async evaluate(
    split: 'validation' | 'test',
    sizes: readonly number[],
    weights: Float32Array,
    idle?: () => void,
  ): Promise<readonly UnitSums[]> {
    const { assignments } = this.#options;
    const samples = sizes.reduce((sum, size) => sum + size, 0);
    return assignments.finish(assignments.askEvaluation({ split, samples, sizes, weights, hears: { ...(idle && { idle }) } }));
  }

  abandon(): void {
    this.#options.assignments.abandon();
  }
}
