import { randomUUID } from 'node:crypto';
import type { Member } from '../coordinator/members/roster.js';
import { StepWatch } from '../coordinator/timing/stepWatch.js';
import type { StoppingState } from '../coordinator/training/policies/earlyStopping.js';
import type { Observer } from '../coordinator/training/ports.js';
import type { TrainingPlan } from '../coordinator/training/trainingPlan.js';
import { ofRun } from '../data/movedData.js';
import type { Launcher } from '../launch/launcher.js';
import { localLauncher } from '../launch/localLauncher.js';
import { Journal } from '../runFolder/journal.js';
import type { LockedResumption } from '../runFolder/resume.js';
import { RunFolder } from '../runFolder/runFolder.js';
import { LiveStatus } from '../runFolder/statusFile.js';
import { type RunSummary, type StartInfo, startInfo } from '../runFolder/summary.js';
import type { Config } from '../shared/config/configSchema.js';
import { configYaml } from '../shared/config/plainConfig.js';
import { version } from '../shared/system/version.js';
import { atMost, saidOfStrangers } from '../shared/text/atMost.js';
import { DataError, errorMessage, Interrupted, RunError } from '../shared/text/errors.js';
import type { LogFormat } from '../shared/text/logLine.js';
import type { RunKeys } from '../shared/transport/keys.js';
import { type Hub, openHub } from '../shared/transport/transport.js';
import { ChromeTrace } from '../view/trace/chromeTrace.js';
import { type TraceRequest, tracedSteps } from '../view/trace/tracedSteps.js';
import { openCoordinatorArrays } from './coordinatorArrays.js';
import { addressFor, announced, endpointFor, keyFileIn, type Launchers, type RemoteWorkers } from './endpoint.js';
import { type PreparedRun, prepareRun } from './prepareRun.js';
import { trainAndTest } from './trainAndTest.js';
import { watchingFiles } from './watchingFiles.js';
import { Workforce } from './workforce.js';

/** Where a coordinator waits for how many workers. */
export interface Listening {
  /** Folder of the run. */
  readonly path: string;
  readonly address: string;
  readonly workers: number;
  /** It starts the workers itself. */
  readonly startsWorkers: boolean;
  /** The key file that workers need, if they do. */
  readonly keyFile: string | undefined;
}

/** Hears of a run as it goes. */
export interface RunObserver extends Observer {
  /** The coordinator listens, and waits for its workers. */
  onListening?(listening: Listening): void;
  /** What has become of a worker, or what else a person should know: one line. */
  onNotice?(line: string): void;
  /** A line that a worker, or an aggregator, on another machine has written. @param name such as `worker 2` */
  onWorkerLine?(name: string, line: string): void;
  /** So many of the parts of a table or a folder of images have been converted. */
  onConverting?(progress: { readonly source: string; readonly done: number; readonly total: number }): void;
  /** The first step is about to be taken. */
  onStart?(info: StartInfo): void;
}

export interface RunOptions {
  readonly config: Config;
  /** What a run's name is made of, with the time, where the config has none. */
  readonly fallbackName: string;
  /** `local` starts the config's workers as processes on this machine; an address waits for workers there, or starts them. */
  readonly workers: 'local' | RemoteWorkers;
  readonly observer: RunObserver;
  /** Ends the run after the step that is under way, with a checkpoint. */
  readonly signal: AbortSignal;
  readonly commandLine: readonly string[];
  /** Steps to write a trace of; default: none. */
  readonly trace?: TraceRequest | undefined;
  /** How lines of the logs in the run's folder are written; default: for a person. */
  readonly logFormat?: LogFormat | undefined;
  /** Measure which engine is the fastest, also where that is known from before. */
  readonly measuresAnew?: boolean | undefined;
  /** The run to go on with, instead of a new one; `config` is then its config. */
  readonly resume?: LockedResumption | undefined;
}

export interface RunResult {
  /** Folder of the run. */
  readonly path: string;
  readonly summary: RunSummary;
  readonly plan: TrainingPlan;
  /** What early stopping has seen. */
  readonly stopping: StoppingState;
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
  try {
    return await runLocked(options);
  } finally {
    // Where it has not come to be the folder's.
    options.resume?.lock.release();
  }
}

async function runLocked(options: RunOptions): Promise<RunResult> {
  const preparing = prepareRun(options.config, {
    isResumed: options.resume?.checkpoint !== undefined,
    onProgress: (source, done, total) => options.observer.onConverting?.({ source, done, total }),
    say: (line) => options.observer.onNotice?.(line),
    signal: options.signal,
  });
  const { resume } = options;
  const prepared = await (resume ? ofRun(preparing, resume.path, options.config.data) : preparing);
  const expected = options.config.resolved?.fingerprint;
  if (expected !== undefined && expected !== prepared.fingerprint) {
    throw new DataError(`the run was trained on other data: expected fingerprint ${expected}, got ${prepared.fingerprint}`);
  }
  const endpoint = endpointFor(options.workers, options.resume);
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

async function runOver(hub: Hub, prepared: PreparedRun, options: RunOptions, keys: RunKeys | undefined): Promise<RunResult> {
  const { config } = prepared.plan;
  // What cannot be written is told like all else, once there is a journal.
  let say = (line: string): void => options.observer.onNotice?.(line);
  const folder = await openFolder(options, (line) => say(line));
  let hasBegun = options.resume !== undefined;
  const stop = stopOf(options.signal);
  let loss: string | undefined;
  let result: RunResult;
  try {
    await folder.writeConfig(configYaml(config));
    folder.watch((reason) => {
      loss = reason;
      stop.abort();
    });
    const journal = new Journal({ folder, format: options.logFormat ?? 'human', say });
    say = (line) => journal.notice(line);
    // Once the run is this coordinator's.
    result = await announced(options.workers, hub, () =>
      trainIn(folder, journal, hub, prepared, { ...options, signal: stop.signal }, keys, () => {
        hasBegun = true;
      }),
    );
  } catch (error) {
    const trouble = await (hasBegun ? folder.close() : folder.discard()).then(
      () => undefined,
      (trouble: unknown) => trouble,
    );
    if (loss !== undefined) throw new RunError(loss);
    // The first trouble is the one to report: others often follow from it. But an interruption says that it has saved.
    throw error instanceof Interrupted ? (trouble ?? error) : error;
  } finally {
    stop.close();
  }
  await folder.close();
  return result;
}

/** A signal that aborts with another, or before it. */
function stopOf(other: AbortSignal): { readonly signal: AbortSignal; abort(): void; close(): void } {
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  if (other.aborted) abort();
  other.addEventListener('abort', abort);
  return { signal: stop.signal, abort, close: () => other.removeEventListener('abort', abort) };
}

async function openFolder({ resume, fallbackName, config }: RunOptions, say: (line: string) => void): Promise<RunFolder> {
  const { runs, name, checkpoint } = config;
  const own = { keep: checkpoint.keep, say };
  if (resume) return RunFolder.reopen(resume.path, resume.lock, resume.checkpoint?.metricsBytes ?? 0, own);
  return RunFolder.create({ runs, name, fallbackName, now: new Date(), ...own });
}

async function trainIn(
  folder: RunFolder,
  journal: Journal,
  hub: Hub,
  prepared: PreparedRun,
  options: RunOptions,
  keys: RunKeys | undefined,
  onBegin: () => void,
): Promise<RunResult> {
  const { plan } = prepared;
  const { config } = plan;
  const { observer, signal, resume } = options;
  const isLocal = options.workers === 'local';
  const launchers = launchersOf(options, hub, keys, () => arrays.shared?.memory.file, config.workers);
  // Whoever starts workers by hand needs it as a file.
  const keyFile = keys && !launchers ? keyFileIn(folder, keys) : undefined;
  const notice = (line: string): void => journal.notice(line);
  for (const note of [...prepared.notes, ...(resume?.notes ?? [])]) notice(note);
  if (config.resolved && options.measuresAnew) notice('--measure changes nothing: a run goes on with the engine that it began with');

  const stepsBefore = resume?.checkpoint?.progress.step ?? 0;
  const tracer = options.trace && openTrace(folder, options.trace, stepsBefore, notice);
  const watch = new StepWatch(tracer);
  const arrays = openCoordinatorArrays(prepared, watch, isLocal, notice);
  let save: (() => Promise<void>) | undefined;
  const workforce = new Workforce({
    ...{ hub, prepared, arrays, journal, launchers, tracer, isLocal },
    measuresAnew: options.measuresAnew ?? false,
    logFile: (role, slot) => folder.file('log', `${role}-${slot}.log`),
    onReady: () => status.write(),
    onLeft: (member, reason) => status.left(member, reason),
    onShort() {
      status.waits();
      save?.().catch((error: unknown) => notice(errorMessage(error)));
    },
    onEnough: () => status.trains(),
  });
  const { fleet } = workforce;
  const status = new LiveStatus(folder, plan, stepsBefore, () => fleet.roster.all);
  let isOver = false;
  const interrupt = (): void => workforce.interrupt();
  signal.addEventListener('abort', interrupt);
  try {
    observer.onListening?.({
      path: folder.shown,
      address: addressFor(options.workers, hub),
      workers: config.workers,
      startsWorkers: launchers !== undefined,
      keyFile,
    });
    workforce.start();
    await workforce.enough();
    onBegin();
    const found = config.resolved ?? resolvedEngine(fleet.roster.ready, prepared.fingerprint);
    const resolved = found && { ...found, run: found.run ?? randomUUID() };
    if (resolved) await folder.writeConfig(configYaml({ ...config, resolved }));
    observer.onStart?.(startInfo(folder.shown, plan, fleet.roster.ready));
    status.trains();
    const { outcome, summary } = await trainAndTest({
      run: resolved?.run,
      ...{ folder, hub, prepared, arrays, workforce, resume, signal, notice, watch, commandLine: options.commandLine },
      observer: status.watching(watchingFiles(prepared.readFiles, observer, notice)),
      saveable(saver) {
        save = saver;
      },
    });
    await status.end('ended', outcome.reason);
    isOver = true;
    const { stopping, bestWeights, finalWeights } = outcome;
    return { path: folder.shown, summary, plan, stopping, bestWeights, finalWeights };
  } catch (error) {
    await status.end(error instanceof Interrupted ? 'stopped' : 'failed', errorMessage(error));
    throw error;
  } finally {
    signal.removeEventListener('abort', interrupt);
    try {
      await workforce.close(isOver);
    } finally {
      tracer?.close();
      arrays.close();
    }
  }
}

/** What starts the workers, if the run does. */
function launchersOf(
  { workers, observer, logFormat = 'human' }: RunOptions,
  hub: Hub,
  keys: RunKeys | undefined,
  sharedFile: () => number | undefined,
  count: number,
): (() => Launchers) | undefined {
  const { address } = hub;
  if (workers === 'local') {
    const launcher = (): Launcher => localLauncher({ address, sharedFile: sharedFile(), logFormat });
    return () => ({ workers: new Array<Launcher>(count).fill(launcher()), aggregators: [] });
  }
  const { launch } = workers;
  if (!launch) return undefined;
  if (!keys) throw new RangeError('workers that are started elsewhere need keys');
  return () => launch({ address, keys, logFormat, onLine: (name, line) => observer.onWorkerLine?.(name, line) });
}

/** A trace of its own for every time that a run is gone on with. */
function openTrace(folder: RunFolder, request: TraceRequest, firstStep: number, say: (line: string) => void): ChromeTrace {
  const path = folder.file(firstStep === 0 ? 'trace.json' : `trace-${firstStep}.json`);
  return new ChromeTrace(path, tracedSteps(request, firstStep), firstStep, say);
}

function resolvedEngine([first]: readonly Member[], fingerprint: string): Config['resolved'] {
  const { ready, choice } = first ?? {};
  return ready && { ...ready.engine, ...(choice && { device: choice.device }), probe: ready.probe, fingerprint, version };
}
