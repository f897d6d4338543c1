import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fleet } from '../coordinator/fleet.js';
import { chunkSizes, type TrainingPlan } from '../coordinator/plan.js';
import { addParts, means } from '../coordinator/progress.js';
import type { Member } from '../coordinator/roster.js';
import { RunFolder } from '../coordinator/runFolder.js';
import { SharedWorkers } from '../coordinator/sharedWorkers.js';
import { Staffing } from '../coordinator/staffing.js';
import { StepTimes } from '../coordinator/stepTimes.js';
import { type Observer, type Outcome, type Store, train } from '../coordinator/train.js';
import { divisorOf } from '../data/normalize.js';
import type { Config } from '../shared/config/schema.js';
import { configYaml, plainConfig } from '../shared/config/write.js';
import type { EngineOn } from '../shared/engineChoice.js';
import { DataError, errorMessage, Interrupted } from '../shared/errors.js';
import type { Figures } from '../shared/json.js';
import { twin } from '../shared/kernel/twin.js';
import { type RunKeys, readKeys, writeKeys } from '../shared/keys.js';
import type { LogFormat } from '../shared/logLine.js';
import { layersModelJson, writeModel } from '../shared/model/layersModel.js';
import { penaltyOf } from '../shared/model/penalty.js';
import { Stopwatch } from '../shared/stopwatch.js';
import { type Hub, newKeys, openHub } from '../shared/transport.js';
import { version } from '../shared/version.js';
import { RunEvents } from '../view/tensorboard/runEvents.js';
import { Journal } from './journal.js';
import { LiveStatus } from './liveStatus.js';
import { LocalWorkers } from './localWorkers.js';
import { type PreparedRun, prepareRun } from './prepare.js';
import type { Resumption } from './resume.js';
import { type RunSummary, type StartInfo, startInfo, summarize } from './summary.js';
import { openTrainingState } from './trainingState.js';

/** Where a coordinator waits for how many workers. */
export interface Listening {
  /** Folder of the run. */
  readonly path: string;
  readonly address: string;
  readonly workers: number;
  /** It starts the workers itself. */
  readonly isLocal: boolean;
  /** The key file that workers need, if they do. */
  readonly keyFile: string | undefined;
}

/** Hears of a run as it goes. */
export interface RunObserver extends Observer {
  /** The coordinator listens, and waits for its workers. */
  onListening?(listening: Listening): void;
  /** What has become of a worker, or what else a person should know: one line. */
  onNotice?(line: string): void;
  /** The first step is about to be taken. */
  onStart?(info: StartInfo): void;
}

export interface RunOptions {
  readonly config: Config;
  /** What a run's name is made of, with the time, where the config has none. */
  readonly fallbackName: string;
  /** `local` starts the config's workers as processes on this machine; an address waits for workers there. */
  readonly workers: 'local' | { readonly address: string; readonly keys: RunKeys | 'none' | 'new' };
  readonly observer: RunObserver;
  /** Ends the run after the step that is under way, with a checkpoint. */
  readonly signal: AbortSignal;
  readonly commandLine: readonly string[];
  /** How lines of the logs in the run's folder are written; default: for a person. */
  readonly logFormat?: LogFormat | undefined;
  /** Measure which engine is the fastest, also where that is known from before. */
  readonly measuresAnew?: boolean | undefined;
  /** The run to go on with, instead of a new one; `config` is then its config. */
  readonly resume?: Resumption | undefined;
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
  const expected = options.config.resolved?.fingerprint;
  if (expected !== undefined && expected !== prepared.fingerprint) {
    throw new DataError(`the run was trained on other data: expected fingerprint ${expected}, got ${prepared.fingerprint}`);
  }
  const endpoint = endpointFor(options);
  try {
    const maxFrameBytes = Math.max(2 ** 20, prepared.weights.byteLength) + 64;
    const onTurnedAway = atMost(saidOfStrangers, (line) => options.observer.onNotice?.(line));
    const hub = await openHub({ address: endpoint.address, maxFrameBytes, keys: endpoint.keys, onTurnedAway });
    try {
      return await runOver(hub, prepared, options, endpoint.keys);
    } finally {
      await hub.close();
    }
  } finally {
    endpoint.remove();
  }
}

interface Endpoint {
  readonly address: string;
  readonly keys?: RunKeys | undefined;
  readonly remove: () => void;
}

/** Where workers connect: those started here by a socket in a short folder that only this user can enter. */
function endpointFor({ workers, resume }: RunOptions): Endpoint {
  if (workers === 'local') {
    const folder = mkdtempSync(join(tmpdir(), 'bpnn-'));
    return { address: `ipc://${folder}/hub`, remove: () => rmSync(folder, { recursive: true, force: true }) };
  }
  const { address, keys } = workers;
  const kept = resume && join(resume.path, keyName);
  const chosen =
    keys === 'new' ? (kept !== undefined && existsSync(kept) ? readKeys(kept) : newKeys()) : keys === 'none' ? undefined : keys;
  return { address, keys: chosen, remove: () => undefined };
}

const keyName = 'key';

/** Lines about those who do not belong to the run, who may be many. */
const saidOfStrangers = 20;

/** Says the first lines, and that there are more. */
function atMost(count: number, say: (line: string) => void): (line: string) => void {
  let said = 0;
  return (line) => {
    if (said++ < count) say(line);
    else if (said === count + 1) say('further ones are counted only');
  };
}

/** The run's own key file: workers by hand can be started with it, and a resumed run keeps it. */
function keyFileIn(folder: RunFolder, keys: RunKeys): string {
  const file = folder.file(keyName);
  if (!existsSync(file)) writeKeys(file, keys);
  return file;
}

async function runOver(hub: Hub, prepared: PreparedRun, options: RunOptions, keys: RunKeys | undefined): Promise<RunResult> {
  const { config } = prepared.plan;
  const folder = openFolder(options, config);
  let hasBegun = options.resume !== undefined;
  try {
    await folder.writeConfig(configYaml(config));
    const keyFile = keys && keyFileIn(folder, keys);
    return await trainIn(folder, hub, prepared, options, keyFile, () => {
      hasBegun = true;
    });
  } finally {
    if (hasBegun) await folder.close();
    else await folder.discard();
  }
}

function openFolder({ resume, fallbackName, observer }: RunOptions, { runs, name, checkpoint: { keep } }: Config): RunFolder {
  const say = (line: string): void => observer.onNotice?.(line);
  if (resume) return RunFolder.reopen(resume.path, resume.checkpoint?.metricsBytes ?? 0, { keep, say });
  return RunFolder.create({ runs, name, fallbackName, now: new Date(), keep, say });
}

async function trainIn(
  folder: RunFolder,
  hub: Hub,
  prepared: PreparedRun,
  options: RunOptions,
  keyFile: string | undefined,
  onBegin: () => void,
): Promise<RunResult> {
  const { plan, fingerprint } = prepared;
  const { config } = plan;
  const { observer, signal, resume } = options;
  const journal = new Journal({ folder, format: options.logFormat ?? 'human', say: (line) => observer.onNotice?.(line) });
  const notice = (line: string): void => journal.notice(line);
  const { optimizer, partition, halves, broadcast, sum, shared, close } = openTrainingState(prepared, options.workers === 'local', notice);
  for (const note of resume?.notes ?? []) notice(note);
  if (config.resolved && options.measuresAnew) notice('--measure changes nothing: a run goes on with the engine that it began with');

  let events: RunEvents | undefined;
  let save: (() => Promise<void>) | undefined;
  let local: LocalWorkers | undefined;
  const fleet = new Fleet({
    hub,
    config({ engine, device }) {
      const { resolved, ...given } = config;
      return plainConfig({ ...given, engine, device });
    },
    engine: { wanted: config, known: config.mixedNumerics ? undefined : usedBefore(config) },
    measuresAnew: options.measuresAnew ?? false,
    shardsEach: Math.ceil(config.shards / config.workers),
    fingerprint,
    partition,
    shards: config.shards,
    sum,
    broadcast,
    version,
    prepareTimeout: config.prepareTimeout,
    stepTimeout: config.stepTimeout,
    shared: shared && new SharedWorkers(shared.arena, shared.memory.system),
    halves,
    compression: config.compression,
    mixedNumerics: config.mixedNumerics,
    probe: config.resolved?.probe,
    events: {
      onReady(member) {
        journal.worker(
          member,
          'ready',
          `is ready: ${member.ready?.engine.library ?? ''} (pid ${member.hello.pid} on ${member.hello.host})`,
        );
        status.write();
        staffing.workerReady();
      },
      onLeft(member, reason, isFinal) {
        journal.worker(member, 'left', reason);
        status.left(member, reason);
        // Whatever a process of ours still does, it does for nobody.
        if (member.hello.slot !== undefined) local?.end(member.hello.slot, isFinal);
        staffing.workerLeft(member.ready !== undefined, `${member.name} (pid ${member.hello.pid} on ${member.hello.host}) ${reason}`);
      },
      onRefused: atMost(saidOfStrangers, (line) => notice(line)),
      onNotice: notice,
    },
  });
  const status = new LiveStatus(folder, plan, resume?.checkpoint?.progress.step ?? 0, () => fleet.present);
  const staffing = new Staffing({
    ...config,
    coming: () => (options.workers === 'local' ? (local?.alive ?? config.workers) - fleet.ready.length : Number.POSITIVE_INFINITY),
    onShort(line) {
      notice(line);
      status.waits();
      save?.().catch((error: unknown) => notice(errorMessage(error)));
    },
    onHopeless: (reason) => fleet.fail(reason),
  });
  // Told to stop, a run ends after the step that is under way; where that does not end, at the last whole one.
  let cutOff: NodeJS.Timeout | undefined;
  const interrupt = (): void => {
    staffing.fail(new Interrupted('stopped while waiting for workers'));
    cutOff = setTimeout(
      () => fleet.fail(new Interrupted('stopped in the middle of a step, with a checkpoint of the one before')),
      config.gracePeriod * 500,
    );
  };
  signal.addEventListener('abort', interrupt);
  try {
    observer.onListening?.({
      path: folder.path,
      address: hub.address,
      workers: config.workers,
      isLocal: options.workers === 'local',
      keyFile,
    });
    if (options.workers === 'local') {
      local = new LocalWorkers({
        count: config.workers,
        address: hub.address,
        sharedFile: shared?.memory.file,
        logFile: (slot) => folder.file('log', `worker-${slot}.log`),
        maxRestarts: config.maxRestarts,
        logFormat: options.logFormat ?? 'human',
        onEnd(slot, pid, loss) {
          if (fleet.processEnded(slot, loss)) return;
          notice(`worker ${slot} ${loss}`);
          staffing.workerLeft(false, `worker ${slot} (pid ${pid} on ${hostname()}) ${loss}`);
        },
      });
    }
    await staffing.enough();
    onBegin();
    const resolved = config.resolved ?? resolvedEngine(fleet.ready, fingerprint);
    if (resolved) await folder.writeConfig(configYaml({ ...config, resolved }));
    observer.onStart?.(startInfo(folder.path, plan, fleet.ready));
    status.trains();

    const startedAt = performance.now();
    if (config.tensorboard) events = new RunEvents(folder.path, plan, resume?.checkpoint?.progress.step ?? 0, notice);
    const store = storeOf(folder, config, events);
    if (resume?.checkpoint?.best) await store.saveModel('best', resume.checkpoint.best);
    let isOver = false;
    const workers = {
      gradients: async (...args: Parameters<Fleet['gradients']>) => {
        if (!staffing.isEnough) await staffing.enough().then(() => status.trains());
        // The run may have ended while workers were waited for: then nobody waits for this.
        return isOver ? new Promise<never>(() => undefined) : fleet.gradients(...args);
      },
      announce: (weights: Float32Array, part: number) => fleet.announce(weights, part),
      evaluate: (...args: Parameters<Fleet['evaluate']>) => fleet.evaluate(...args),
      abandon: () => {
        isOver = true;
        fleet.abandon();
      },
    };
    const onSaveable = (saver: () => Promise<void>): void => {
      save = saver;
    };
    const updating = new Stopwatch();
    const stepTimes = new StepTimes();
    const watcher: Observer = {
      onStep(figures) {
        status.stepped(figures.samples);
        observer.onStep?.(figures);
      },
      onEpoch(figures) {
        status.epochEnded();
        observer.onEpoch?.(figures);
      },
    };
    const ports = { workers, store, observer: watcher, signal, updating, stepTimes, onSaveable };
    const outcome = await train(plan, optimizer, ports, resume?.checkpoint);
    const endedAt = performance.now();
    const test = await evaluateTest(fleet, plan, outcome);
    const members = fleet.veterans;
    const steps = outcome.steps - (resume?.checkpoint?.progress.step ?? 0);
    const strangers = { turnedAway: hub.turnedAway, refused: fleet.refused, lateAnswers: fleet.lateAnswers };
    const spent = { reduceMs: fleet.reducing.total, updateMs: updating.total, stepMs: stepTimes.figures() };
    const { commandLine } = options;
    const summary = summarize({ plan, outcome, steps, members, startedAt, endedAt, test, fingerprint, strangers, ...spent, commandLine });
    await folder.writeSummary(summary);
    await status.end('ended', outcome.reason);
    return { path: folder.path, summary, plan, bestWeights: outcome.bestWeights, finalWeights: outcome.finalWeights };
  } catch (error) {
    await status.end(error instanceof Interrupted ? 'stopped' : 'failed', errorMessage(error));
    throw error;
  } finally {
    signal.removeEventListener('abort', interrupt);
    clearTimeout(cutOff);
    events?.close();
    staffing.close();
    local?.retire();
    try {
      await fleet.close();
      await local?.close();
    } finally {
      close();
    }
  }
}

function storeOf(folder: RunFolder, config: Config, events: RunEvents | undefined): Store {
  const divide = divisorOf(config.data);
  const { loss, metrics } = config;
  const modelJson = layersModelJson(config.model, version, { loss, metrics, ...(divide === undefined ? {} : { normalize: { divide } }) });
  return {
    log(entry) {
      folder.log(entry);
      events?.log(entry);
    },
    ...(events && { epochEnds: (...args: Parameters<RunEvents['epochEnds']>) => events.epochEnds(...args) }),
    saveCheckpoint(checkpoint) {
      events?.flush();
      return folder.saveCheckpoint(checkpoint);
    },
    async saveModel(name, weights) {
      const write = (): Promise<void> => writeModel(folder.file(...name.split('/')), modelJson, weights);
      // Without its final model a run has failed; all others can be had from checkpoints.
      if (name === 'final') await write();
      else await folder.attempt(name, write);
    },
  };
}

function resolvedEngine([first]: readonly Member[], fingerprint: string): Config['resolved'] {
  const { ready, choice } = first ?? {};
  return ready && { ...ready.engine, ...(choice && { device: choice.device }), probe: ready.probe, fingerprint, version };
}

/** What a run that is resumed has computed with. */
function usedBefore({ resolved, device }: Config): EngineOn | undefined {
  return resolved && { engine: resolved.engine, device: resolved.device ?? device };
}

/** The test figures of the best weights and of the final ones. */
async function evaluateTest(
  fleet: Fleet,
  { config, counts, network }: TrainingPlan,
  outcome: Outcome,
): Promise<{ best: Figures; final: Figures } | undefined> {
  if (counts.test === undefined) return undefined;
  const sizes = chunkSizes(counts.test, config.validationBatchSize);
  const figures = async (weights: Float32Array): Promise<Figures> => {
    const sums = addParts(await fleet.evaluate('test', sizes, weights));
    return means(sums, config.metrics, penaltyOf(network.layout, weights, twin));
  };
  return { best: await figures(outcome.bestWeights), final: await figures(outcome.finalWeights) };
}
