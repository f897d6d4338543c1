import { closeSync, existsSync, openSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { endOf, passedLimits } from '../coordinator/training/policies/ending.js';
import type { Config } from '../shared/config/configSchema.js';
import type { Machine } from '../shared/config/machine.js';
import { mergeConfigs } from '../shared/config/merge.js';
import { parseConfig } from '../shared/config/parseConfig.js';
import { plainConfig } from '../shared/config/plainConfig.js';
import type { ProcessLock } from '../shared/files/processLock.js';
import { readFully } from '../shared/files/readFile.js';
import { buildNetwork } from '../shared/model/network.js';
import { ConfigError, type Problem, RunIsOver, UsageError } from '../shared/text/errors.js';
import type { Checkpoint } from './checkpoint.js';
import { newestCheckpoint } from './checkpointFiles.js';
import { differencesOf, showBoth } from './configDifferences.js';
import { nothingToDo } from './endText.js';
import type { MetricsEnd, RunIdentity } from './ownCheckpoint.js';
import { readRunConfig } from './runConfig.js';
import { lockRun } from './runLock.js';

/** A run to go on with, which this process has locked. */
export interface LockedResumption extends Resumption {
  readonly lock: ProcessLock;
}

/** A run to go on with. */
export interface Resumption {
  /** Its folder. */
  readonly path: string;
  readonly config: Config;
  /** The newest whole checkpoint; undefined where the run died before its first. */
  readonly checkpoint: Checkpoint | undefined;
  /** What a person should know, such as which checkpoints are damaged. */
  readonly notes: readonly string[];
}

/** Keys that say how or for how long a run runs, and not what it computes. The data's content is compared by its fingerprint. */
const free: ReadonlySet<string> = new Set([
  'epochs',
  'steps',
  'target',
  'earlyStopping.patience',
  'checkpoint.keep',
  'workers',
  'minWorkers',
  'data',
  'initialWeights',
  'from',
  'name',
  'runs',
  'resolved',
  'startTimeout',
  'prepareTimeout',
  'stepTimeout',
  'workerTimeout',
  'transport',
  'topology',
  'fanIn',
  'gracePeriod',
  'maxRestarts',
  'onNonFinite',
  'memoryLimit',
  'maxSkipped',
  'mixedNumerics',
  'tensorboard',
]);

/**
 * Finds the run that `--resume` names.
 * @param which folder of a run, its name, or `auto`: the run that the config names or, without a name, the newest one
 *   of this config that is not over
 * @returns undefined where `auto` finds nothing
 * @throws UsageError where there is no such run
 */
export function findRun(which: string, runs: string, name: string | undefined, fallbackName: string): string | undefined {
  const isRun = (path: string): boolean => existsSync(join(path, 'config.yaml'));
  if (which !== 'auto') {
    const found = [which, join(runs, which)].find(isRun);
    if (found === undefined) throw new UsageError(`--resume ${which}: no such run, neither as a folder nor in ${runs}`);
    return found;
  }
  if (name !== undefined) return isRun(join(runs, name)) ? join(runs, name) : undefined;
  const names = existsSync(runs) ? readdirSync(runs) : [];
  const pattern = new RegExp(`^${fallbackName.replace(/[^\w-]/g, '\\$&')}-\\d{8}-\\d{6}(-\\d+)?$`);
  const open = names.filter((n) => pattern.test(n) && isRun(join(runs, n)) && !existsSync(join(runs, n, 'summary.json')));
  const newest = open.sort().at(-1);
  return newest === undefined ? undefined : join(runs, newest);
}

/**
 * Locks a run and then reads what is needed to go on with it, so that nobody changes it in between.
 * @returns what `run` continues, which releases the lock
 * @throws UsageError if it is being trained, and as readResumption
 */
export async function takeResumption(path: string, given: Readonly<Record<string, unknown>>, machine: Machine): Promise<LockedResumption> {
  // A run that is over needs no lock, and its folder stays as it is.
  if (existsSync(join(path, 'summary.json'))) readResumption(path, given, machine);
  const lock = await lockRun(resolve(path));
  try {
    return { ...readResumption(path, given, machine), lock };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** The same run, with other keys given. @throws as readResumption */
export function withGiven({ path, lock }: LockedResumption, given: Readonly<Record<string, unknown>>, machine: Machine): LockedResumption {
  return { ...readResumption(path, given, machine), lock };
}

/**
 * Reads what is needed to go on with a run.
 * @param given the keys that the user gave in file and flags: only these are compared with the run's
 * @throws ConfigError naming the keys that differ and may not, RunIsOver where nothing is left to do: nothing is changed then
 */
function readResumption(path: string, given: Readonly<Record<string, unknown>>, machine: Machine): Resumption {
  const file = join(path, 'config.yaml');
  const before = readRunConfig(path);
  if (before === undefined) throw new UsageError(`${file}: no such file`);
  const config = parseConfig(mergeConfigs(plainConfig(before), given), `${file} and what was given`, machine);
  const problems = differences(before, config);
  if (problems.length > 0) throw new ConfigError(`${path} cannot go on with another config`, problems);
  const { checkpoint, notes } = newestCheckpoint(join(path, 'checkpoints'), identityOf(path, before), config.steps);
  return {
    ...{ path, notes },
    // Where the run is now: it may have moved.
    config: { ...config, runs: dirname(resolve(path)), ...(before.resolved && { resolved: before.resolved }) },
    checkpoint: checkpoint && judgedAnew(path, checkpoint, before, config),
  };
}

/** Keys that differ and may not. */
function differences(before: Config, after: Config): Problem[] {
  const isFree = (path: string): boolean => free.has(path) || free.has(path.split(/[.[]/, 1)[0] ?? '');
  return differencesOf(plainConfig(before), plainConfig(after))
    .filter(({ path }) => !isFree(path))
    .map(({ path, before, after }) => {
      const [was, is] = showBoth(before, after);
      return { path, message: `the run has ${was}, got ${is}` };
    });
}

/** A checkpoint as one of a training with these limits, which may be others than those that it was written under. */
function judgedAnew(path: string, checkpoint: Checkpoint, before: Config, limits: Config): Checkpoint {
  const { progress } = checkpoint;
  const isAtTarget = progress.ended === 'target' && progress.epochLoss === undefined;
  const reached = isAtTarget ? { ...progress, epochLoss: before.target } : progress;
  const end = endOf(reached, limits);
  const isOver = end !== null && existsSync(join(path, 'summary.json'));
  if (isOver || passedLimits(reached, limits).length > 0) throw new RunIsOver(`${path}: ${nothingToDo(end, reached, limits)}`);
  // In the middle of an epoch, what ends there is still to be validated.
  return { ...checkpoint, progress: { ...progress, ended: progress.stepInEpoch > 0 ? null : end } };
}

/** Bytes at the end of metrics that are looked at. */
const metricsTail = 65_536;

function identityOf(path: string, { model, resolved }: Config): RunIdentity {
  return {
    run: resolved?.run,
    isFinished: existsSync(join(path, 'summary.json')),
    parameters: buildNetwork(model).layout.size,
    metrics: (bytes) => endOfMetrics(join(path, 'metrics.jsonl'), bytes),
  };
}

function endOfMetrics(path: string, bytes: number): MetricsEnd {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) < bytes) return { isWhole: false, text: '' };
  const from = Math.max(0, bytes - metricsTail);
  const end = Buffer.alloc(bytes - from);
  const file = openSync(path, 'r');
  try {
    return { isWhole: readFully(end, file, from) === end.length, text: end.toString('latin1') };
  } finally {
    closeSync(file);
  }
}
