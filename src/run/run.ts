import { randomUUID } from 'node:crypto';
import { StepWatch } from '../coordinator/timing/stepWatch.js';
import { ofRun } from '../data/movedData.js';
import { Journal } from '../runFolder/journal.js';
import { RunFolder } from '../runFolder/runFolder.js';
import { StatusFile } from '../runFolder/statusFile.js';
import { configYaml } from '../shared/config/plainConfig.js';
import { atMost, saidOfStrangers } from '../shared/text/atMost.js';
import { DataError, errorMessage, Interrupted, RunError } from '../shared/text/errors.js';
import type { RunKeys } from '../shared/transport/keys.js';
import { sockets } from '../shared/transport/sockets.js';
import type { Hub } from '../shared/transport/transport.js';
import { openCoordinatorArrays } from './coordinatorArrays.js';
import { addressFor, announced, endpointFor, keyFileIn } from './endpoint.js';
import { launchersOf, startsWorkers } from './launchers.js';
import { openTrace, orEnd } from './openTrace.js';
import { type PreparedRun, prepareRun } from './prepareRun.js';
import { resolvedEngine } from './resolvedEngine.js';
import type { RunOptions, RunResult } from './runPorts.js';
import { startInfo } from './startInfo.js';
import { Stop } from './stop.js';
import { trainAndTest } from './trainAndTest.js';
import { watchingFiles } from './watchingFiles.js';
import { Workforce } from './workforce.js';

/**
 * One training, from a config to a folder with its results: what `up`, `coordinator` and the library's `train` share.
 * Nothing is written before the command is known to be right, and a run that never began leaves no folder.
 * @throws ConfigError, UsageError, DataError before it begins, RunError and Interrupted once it has
 */
export async function run(options: RunOptions): Promise<RunResult> {
  try {
    const prepared = await prepare(options);
    const endpoint = endpointFor(options.workers, options.resume);
    try {
      return await listening(endpoint.address, endpoint.keys, prepared, options);
    } finally {
      endpoint.remove();
    }
  } finally {
    // Where it has not come to be the folder's.
    options.resume?.lock.release();
  }
}

async function prepare({ config, resume, observer, signal }: RunOptions): Promise<PreparedRun> {
  const preparing = prepareRun(config, {
    isResumed: resume?.checkpoint !== undefined,
    onProgress: (source, done, total) => observer.onConverting?.({ source, done, total }),
    say: (line) => observer.onNotice?.(line),
    signal,
  });
  const prepared = await (resume ? ofRun(preparing, resume.path, config.data) : preparing);
  const expected = config.resolved?.fingerprint;
  if (expected !== undefined && expected !== prepared.fingerprint) {
    throw new DataError(`the run was trained on other data: expected fingerprint ${expected}, got ${prepared.fingerprint}`);
  }
  return prepared;
}

async function listening(address: string, keys: RunKeys | undefined, prepared: PreparedRun, options: RunOptions): Promise<RunResult> {
  const maxFrameBytes = Math.max(2 ** 20, prepared.weights.byteLength) + 64;
  const onTurnedAway = atMost(saidOfStrangers, (line) => options.observer.onNotice?.(line));
  const { transport = sockets } = options;
  const hub = await transport.openHub({ address, maxFrameBytes, keys, onTurnedAway });
  try {
    return await inFolder(hub, keys, prepared, options);
  } finally {
    await hub.close();
  }
}

async function inFolder(hub: Hub, keys: RunKeys | undefined, prepared: PreparedRun, options: RunOptions): Promise<RunResult> {
  const { observer, logFormat = 'human' } = options;
  const journal = new Journal(logFormat, (line) => observer.onNotice?.(line));
  const folder = await openFolder(options, (line) => journal.notice(line));
  const stop = new Stop(options.signal);
  const train = async (): Promise<RunResult> => {
    await folder.writeConfig(configYaml(prepared.plan.config));
    folder.watch(() => stop.abort());
    journal.keepIn(folder);
    // Once the run is this coordinator's.
    return announced(options.workers, hub, () => trainIn(folder, journal, hub, keys, prepared, { ...options, signal: stop.signal }));
  };
  try {
    const result = await orClosed(folder, train);
    await folder.close();
    return result;
  } finally {
    stop.close();
  }
}

/** Training that fails closes the folder, and says what went wrong first: other troubles often follow from it. */
async function orClosed<T>(folder: RunFolder, train: () => Promise<T>): Promise<T> {
  try {
    return await train();
  } catch (error) {
    const trouble = await folder.close().then(
      () => undefined,
      (trouble: unknown) => trouble,
    );
    if (folder.lossReason !== undefined) throw new RunError(folder.lossReason);
    // But an interruption says that it has saved.
    throw error instanceof Interrupted ? (trouble ?? error) : error;
  }
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
  keys: RunKeys | undefined,
  prepared: PreparedRun,
  options: RunOptions,
): Promise<RunResult> {
  const { plan } = prepared;
  const { config } = plan;
  const { observer, signal, resume, commandLine } = options;
  const isLocal = options.workers === 'local';
  const notice = (line: string): void => journal.notice(line);
  const stepsBefore = resume?.checkpoint?.progress.step ?? 0;
  const tracer = options.trace && openTrace(folder, options.trace, stepsBefore, notice);
  const watch = new StepWatch(tracer);
  // Whoever starts workers by hand needs it as a file.
  const keyFile = keys && !startsWorkers(options) ? keyFileIn(folder, keys) : undefined;
  const arrays = orEnd(tracer, () => openCoordinatorArrays(prepared, watch, isLocal, notice));
  for (const note of [...prepared.notes, ...(resume?.notes ?? [])]) notice(note);
  if (config.resolved && options.measuresAnew) notice('--measure changes nothing: a run goes on with the engine that it began with');

  const place = { address: hub.address, keys, sharedFile: arrays.shared?.memory.file, workers: config.workers };
  const launchers = launchersOf(options, place);
  const workforce = new Workforce({
    hub,
    folder,
    prepared,
    arrays,
    journal,
    launchers,
    tracer,
    isLocal,
    measuresAnew: options.measuresAnew,
  });
  const { roster } = workforce.fleet;
  const status = new StatusFile(folder, plan, stepsBefore, () => roster.all);
  workforce.events
    .on('ready', () => status.write())
    .on('left', (member, reason) => status.left(member, reason))
    .on('short', () => status.waits())
    .on('enough', () => status.trains());
  let isOver = false;
  const interrupt = (): void => workforce.interrupt();
  signal.addEventListener('abort', interrupt);
  try {
    const address = addressFor(options.workers, hub);
    observer.onListening?.({ path: folder.shown, address, workers: config.workers, startsWorkers: launchers !== undefined, keyFile });
    workforce.start();
    await workforce.enough();
    folder.begin();
    const found = config.resolved ?? resolvedEngine(roster.ready, prepared.fingerprint);
    const resolved = found && { ...found, run: found.run ?? randomUUID() };
    if (resolved) await folder.writeConfig(configYaml({ ...config, resolved }));
    observer.onStart?.(startInfo(folder.shown, plan, roster.ready));
    status.trains();
    const { outcome, summary } = await trainAndTest({
      ...{ run: resolved?.run, folder, hub, prepared, arrays, workforce, resume, signal, notice, watch, commandLine },
      observer: status.watching(watchingFiles(prepared.readFiles, observer, notice)),
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
