import type { Assignments } from '../coordinator/work/assignments.js';
import type { Job } from '../coordinator/work/job.js';
import type { UnitSums } from '../shared/protocol/protocol.js';
import { now } from '../shared/system/clock.js';
import { wantedShards } from '../step/stepBatch.js';
import type { StepRequest } from '../step/stepPort.js';
import type { TreeNode } from '../step/tree.js';
import { type GradientsUp, sumsWithin } from './gradientsUp.js';
import type { NodeSum, NodeSums } from './nodeSums.js';

export interface StepBelowOptions {
  readonly shards: number;
  readonly assignments: Assignments;
  readonly sums: NodeSums;
  readonly up: GradientsUp;
  /** Waits for a job. What keeps it from coming ends the aggregator. */
  readonly finish: (job: Job, then: () => void) => void;
}

/** What is asked of it and not yet of those below. */
interface Waiting {
  readonly request: StepRequest;
  readonly nodes: TreeNode[];
  readonly weights: Float32Array;
}

/** The step that is under way below an aggregator: asked of its workers, added up, sent up as it comes. */
export class StepBelow {
  readonly #options: StepBelowOptions;
  /** By the coordinator's number. */
  #work = -1;
  #jobs: Job[] = [];
  #waiting: Waiting[] = [];

  constructor(options: StepBelowOptions) {
    this.#options = options;
  }

  /** By the coordinator's number; -1 before the first. */
  get work(): number {
    return this.#work;
  }

  ask(request: StepRequest, weights: Float32Array): void {
    this.#waiting.push({ request, nodes: [...request.nodes], weights });
    this.#askMore();
  }

  /** The coordinator has gone on: it has read what came of earlier work, and wants no more of it. */
  begin(work: number): void {
    const { assignments, sums, up } = this.#options;
    for (const job of this.#jobs) assignments.drop(job);
    this.#jobs = [];
    this.#work = work;
    this.#waiting = [];
    up.forget();
    sums.free();
    assignments.beginStep();
  }

  /** Asks for what waits, as far as there are arrays to add it up in: what is left then goes node by node. */
  #askMore(): void {
    const { sums } = this.#options;
    for (let [next] = this.#waiting; next; [next] = this.#waiting) {
      if (sums.room === 0 && sums.isSpareTaken) return;
      const nodes = next.nodes.splice(0, Math.max(1, sums.room));
      if (next.nodes.length === 0) this.#waiting.shift();
      this.#ask({ ...next, nodes });
    }
  }

  #ask({ request: { work, batch }, nodes, weights }: Waiting): void {
    const { assignments, shards, sums, up } = this.#options;
    const isInside = (shard: number): boolean => nodes.some(({ from, to }) => from <= shard && shard < to);
    const wanted = [...wantedShards(batch, shards)].filter(isInside);
    const own = sums.open(nodes, new Set(wanted));
    const known: UnitSums[] = [];
    const startedAt = now();
    const take = (node: TreeNode, add: (sum: NodeSum) => void): void => {
      const sum = own.find((candidate) => candidate.has(node));
      if (sum) add(sum);
      up.flush();
    };
    const job = assignments.askGradients({
      ...{ batch, nodes, weights },
      sink: {
        add: (node, gradient) => take(node, (sum) => sum.add(node, gradient)),
        addSlice: (node, slice, values) => take(node, (sum) => sum.addSlice(node, slice, values)),
      },
      hears: {
        sums(all) {
          known.push(...all);
          up.flush();
        },
      },
    });
    for (const sum of own) {
      // Of several nodes each has its share.
      const share = wanted.filter((shard) => sum.has({ from: shard, to: shard + 1 })).length / wanted.length;
      const within = (): UnitSums[] | undefined => (known.length > 0 ? sumsWithin(sum.node, known, wanted) : undefined);
      up.expect({ work, sum, shards: within, startedAt, computeMs: () => share * job.computeMs });
    }
    this.#jobs.push(job);
    this.#options.finish(job, () => {
      for (const sum of own) sums.done(sum);
      if (work === this.#work) this.#askMore();
    });
  }
}
