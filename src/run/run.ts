import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fleet } from '../coordinator/fleet.js';
import { chunkSizes, type TrainingPlan } from '../coordinator/plan.js';
import { addParts, means } from '../coordinator/progress.js';
import type { Member } from '../coordinator/roster.js';
import { RunFolder } from '../coordinator/runFolder.js';
import { Staffing } from '../coordinator/staffing.js';
import { type Observer, type Outcome, type Store, train } from '../coordinator/train.js';
import { divisorOf } from '../data/normalize.js';
import type { Config } from '../shared/config/schema.js';
import { configYaml, plainConfig } from '../shared/config/write.js';
import { Interrupted } from '../shared/errors.js';
import type { Figures } from '../shared/json.js';
import { layersModelJson, writeModel } from '../shared/model/layersModel.js';
import { type Hub, openHub } from '../shared/transport.js';
import { version } from '../shared/version.js';
import { LocalWorkers } from './localWorkers.js';
import { type PreparedRun, prepareRun } from './prepare.js';
import { type RunSummary, type StartInfo, startInfo, summarize } from './summary.js';
import { openTrainingState } from './trainingState.js';

/** Hears of a run as it goes. */
export interface RunObserver extends Observer {
  /** The coordinator listens at `address` and waits for `workers`; `isLocal` where it starts them itself. */
  onListening?(address: string, workers: number, isLocal: boolean): void;
  /** A worker is ready, is gone or was refused: one line for a person. */
  onWorker?(line: string): void;
  /** The first step is about to be taken. */
  onStart?(info: StartInfo): void;
}

export interface RunOptions {
  readonly config: Config;
  /** What a run's name is made of, with the time, where the config has none. */
  readonly fallbackName: string;
  /** `local` starts the config's workers as processes on this machine; an address waits for workers there. */
  readonly workers: 'local' | { readonly address: string };
  readonly observer: RunObserver;
  /** Ends the run after the step that is under way, with a checkpoint. */
  readonly signal: AbortSignal;
  readonly commandLine: readonly string[];
}

export interface RunResult {
  /** Folder of the run. */
  readonly path: string;
  readonly summary: RunSummary;
  readonly plan: TrainingPlan;
  /** Flat, in the layout's order. */
  readonly bestWeights: Float32Array;
  readonly finalWeights: Float32Array;
}

/**
 * One training, from a config to a folder with its results: what `up`, `coordinator` and the library's `train` share.
 * Nothing is written before the command is known to be right, and a run that never began leaves no folder.
 * @throws ConfigError, UsageError, DataError before it begins, RunError and Interrupted once it has
 */
export async function run(options: RunOptions): Promise<RunResult> {
  const prepared = prepareRun(options.config);
  const endpoint = endpointFor(options.workers);
  try {
    const maxFrameBytes = Math.max(2 ** 20, prepared.weights.byteLength) + 64;
    const hub = await openHub({ address: endpoint.address, maxFrameBytes });
    return await runWith(hub, prepared, options);
  } finally {
    endpoint.remove();
  }
}

/** Workers on this machine connect by a socket in a short folder that only this user can enter. */
function endpointFor(workers: RunOptions['workers']): { address: string; remove: () => void } {
  if (workers !== 'local') return { address: workers.address, remove: () => undefined };
  const folder = mkdtempSync(join(tmpdir(), 'bpnn-'));
  return { address: `ipc://${folder}/hub`, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

async function runWith(hub: Hub, prepared: PreparedRun, options: RunOptions): Promise<RunResult> {
  const { plan, fingerprint } = prepared;
  const { config } = plan;
  const { observer, signal } = options;
  const { optimizer, sum } = openTrainingState(prepared);
  const folder = RunFolder.create({
    runs: config.runs,
    name: config.name,
    fallbackName: options.fallbackName,
    now: new Date(),
    keep: config.checkpoint.keep,
  });
  await folder.writeConfig(configYaml(config));

  const tell = (member: Member, event: string, line: string): void => {
    folder.log({ kind: 'worker', worker: member.name, event, host: member.hello.host, pid: member.hello.pid, line });
    observer.onWorker?.(`${member.name} ${line}`);
  };
  const fleet = new Fleet({
    hub,
    config: plainConfig(config),
    fingerprint,
    parameters: prepared.weights.length,
    shards: config.shards,
    sum,
    version,
    prepareTimeout: config.prepareTimeout,
    events: {
      onReady(member) {
        tell(member, 'ready', `is ready: ${member.ready?.engine.library ?? ''} (pid ${member.hello.pid} on ${member.hello.host})`);
        staffing.workerReady();
      },
      onLeft(member, reason) {
        tell(member, 'left', reason);
        staffing.workerLeft(member.ready !== undefined, `${member.name} (pid ${member.hello.pid} on ${member.hello.host}) ${reason}`);
      },
      onRefused: (peer, reason) => observer.onWorker?.(`a connection (${peer.slice(0, 10)}) was refused: ${reason}`),
    },
  });
  let local: LocalWorkers | undefined;
  const staffing = new Staffing({
    workers: config.workers,
    minWorkers: config.minWorkers,
    startTimeout: config.startTimeout,
    coming: () => (options.workers === 'local' ? (local?.running ?? config.workers) - fleet.ready.length : Number.POSITIVE_INFINITY),
    onShort: (reason) => fleet.fail(reason),
  });
  const interrupt = (): void => staffing.fail(new Interrupted('stopped before the first step'));
  signal.addEventListener('abort', interrupt);

  let hasBegun = false;
  try {
    observer.onListening?.(hub.address, config.workers, options.workers === 'local');
    if (options.workers === 'local') {
      local = new LocalWorkers({
        count: config.workers,
        address: hub.address,
        logFile: (slot) => folder.file('log', `worker-${slot}.log`),
        onEnd: (slot, reason) => {
          if (!fleet.processEnded(slot, reason)) staffing.workerLeft(false, `worker ${slot} ${reason}`);
        },
      });
    }
    await staffing.started;
    hasBegun = true;
    const resolved = resolvedEngine(fleet.ready, fingerprint);
    if (resolved) await folder.writeConfig(configYaml({ ...config, resolved }));
    observer.onStart?.(startInfo(folder.path, plan, fleet.ready));

    const startedAt = performance.now();
    const divide = divisorOf(config.data);
    const modelJson = layersModelJson(config.model, version, {
      loss: config.loss,
      metrics: config.metrics,
      ...(divide === undefined ? {} : { normalize: { divide } }),
    });
    const store: Store = {
      log: (entry) => folder.log(entry),
      saveCheckpoint: (checkpoint) => folder.saveCheckpoint(checkpoint),
      saveModel: (name, weights) => writeModel(folder.file(...name.split('/')), modelJson, weights),
    };
    const outcome = await train(plan, optimizer, { workers: fleet, store, observer, signal });
    const endedAt = performance.now();
    const test = await evaluateTest(fleet, plan, outcome);
    const summary = summarize({
      plan,
      outcome,
      members: fleet.veterans,
      startedAt,
      endedAt,
      test,
      fingerprint,
      commandLine: options.commandLine,
    });
    await folder.writeSummary(summary);
    return { path: folder.path, summary, plan, bestWeights: outcome.bestWeights, finalWeights: outcome.finalWeights };
  } finally {
    signal.removeEventListener('abort', interrupt);
    staffing.close();
    await fleet.close();
    await local?.close();
    if (hasBegun) await folder.close();
    else await folder.discard();
  }
}

function resolvedEngine([first]: readonly Member[], fingerprint: string): Config['resolved'] {
  return first?.ready && { ...first.ready.engine, probe: first.ready.probe, fingerprint, version };
}

/** The test figures of the best weights and of the final ones. */
async function evaluateTest(
  fleet: Fleet,
  { config, counts }: TrainingPlan,
  outcome: Outcome,
): Promise<{ best: Figures; final: Figures } | undefined> {
  if (counts.test === undefined) return undefined;
  const sizes = chunkSizes(counts.test, config.validationBatchSize);
  const figures = async (weights: Float32Array, penalty: number): Promise<Figures> =>
    means(addParts(await fleet.evaluate('test', sizes, weights)), config.metrics, penalty);
  const best = await figures(outcome.bestWeights, outcome.bestPenalty);
  const final = await figures(outcome.finalWeights, outcome.finalPenalty);
  return { best, final };
}
