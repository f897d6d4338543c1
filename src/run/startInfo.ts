import type { Member } from '../coordinator/members/roster.js';
import { globalBatch, type TrainingPlan } from '../coordinator/training/trainingPlan.js';

/** What is said before the first step. */
export interface StartInfo {
  /** Folder of the run. */
  readonly path: string;
  readonly network: string;
  readonly parameters: number;
  readonly globalBatch: number;
  /** Most samples of one worker's part of a step. */
  readonly localBatch: number;
  readonly shards: number;
  readonly stepsPerEpoch: number;
  readonly epochs: number | undefined;
  readonly totalSteps: number;
  readonly samples: TrainingPlan['counts'];
  readonly workers: readonly {
    readonly name: string;
    readonly engine: string;
    /** What the engine computes on, such as `cpu` or `wasm`. */
    readonly provider: string | undefined;
    readonly host: string;
    readonly pid: number;
  }[];
  /** Workers that get no shard. */
  readonly spares: number;
}

export function startInfo(path: string, plan: TrainingPlan, members: readonly Member[]): StartInfo {
  const { config, network, counts, stepsPerEpoch, totalSteps } = plan;
  const batch = globalBatch(plan);
  const dense = network.ops.filter((op) => op.kind === 'dense');
  const busy = Math.min(members.length, config.shards);
  return {
    path,
    network: [network.inputs, ...dense.map(({ units }) => units)].join('-'),
    parameters: network.layout.size,
    globalBatch: batch,
    localBatch: Math.ceil(config.shards / busy) * Math.ceil(batch / config.shards),
    shards: config.shards,
    stepsPerEpoch,
    epochs: config.epochs,
    totalSteps,
    samples: counts,
    workers: members.map(({ name, hello, ready }) => ({
      name,
      engine: ready ? `${ready.engine.engine} (${ready.engine.library}, ${ready.engine.provider})` : 'none',
      provider: ready?.engine.provider,
      host: hello.host,
      pid: hello.pid,
    })),
    spares: members.length - busy,
  };
}
