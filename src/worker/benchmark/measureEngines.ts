import { cpus } from 'node:os';
import { candidatesFor } from '../../engines/candidates.js';
import { libraryMark } from '../../engines/libraryMark.js';
import { tryInProcess } from '../../engines/trial/tryInProcess.js';
import type { Config } from '../../shared/config/configSchema.js';
import type { Device } from '../../shared/engine/device.js';
import { type EngineFigure, type EngineOn, fastestOf, nameOf } from '../../shared/engine/engineFigures.js';
import { usableCores } from '../../shared/system/controlGroup.js';
import { version } from '../../shared/system/version.js';
import { errorMessage, RunError } from '../../shared/text/errors.js';
import { recall, remember } from './measuredBefore.js';

export interface Measured {
  readonly figures: readonly EngineFigure[];
  /** Were they measured for an earlier run? */
  readonly isOld: boolean;
  readonly note?: string;
}

export interface MeasureOptions {
  /** Measure, whatever is known from before. */
  readonly isAnew: boolean;
  readonly say: (line: string) => void;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
  /** Workers that a GPU is for. */
  readonly sharing: number;
}

/**
 * Times the engines of this machine that a config leaves open with a shard of its own network, each in a process of its
 * own, one after the other. What it finds is kept for the next run of the same network.
 * @throws RunError where none works, an AbortError once the signal aborts
 */
export async function measureEngines(config: Config, { isAnew, say, signal, sharing }: MeasureOptions): Promise<Measured> {
  const { found, note } = await candidatesFor(config);
  const candidates = config.engine === 'auto' ? named(found, config.device, process.env['BPNN_DIST_ENGINE']) : found;
  if (candidates.length === 0) {
    const wanted = [config.engine, config.device, config.precision].join(', ');
    throw new RunError(`no engine of this machine can compute what is asked for (${wanted}); bpnn-dist doctor says how to get others`);
  }
  const noted = note === undefined ? {} : { note };
  if (candidates.length === 1) return { figures: candidates.map((only) => ({ ...only, ms: null })), isOld: false, ...noted };
  const subjects = await Promise.all(candidates.map((candidate) => subjectOf(config, candidate)));
  const known = isAnew ? [] : await Promise.all(subjects.map((subject) => recall(subject)));
  const missing = candidates.filter((_, i) => known[i] === undefined);
  if (missing.length > 0) say(`measuring ${missing.map(nameOf).join(', ')}`);
  const figures: EngineFigure[] = [];
  for (const [i, candidate] of candidates.entries()) {
    figures.push(known[i] ?? (await figureOf(candidate, config, sharing, signal)));
    signal.throwIfAborted();
  }
  if (!fastestOf(figures)) {
    const advice = config.device === 'auto' || config.device === 'cpu' ? '' : ' (--device cpu does without)';
    const reasons = figures.map((figure) => `\n  ${nameOf(figure)}: ${figure.reason}`).join('');
    throw new RunError(`no engine can compute on ${config.device}${advice}${reasons}`);
  }
  try {
    await Promise.all(figures.map((figure, i) => remember(subjects[i], figure)));
    return { figures, isOld: missing.length === 0, ...noted };
  } catch (error) {
    const trouble = `the figures could not be kept for the next run: ${errorMessage(error)}`;
    return { figures, isOld: false, note: note === undefined ? trouble : `${note}; ${trouble}` };
  }
}

/**
 * Those that the machine's owner names, in a list like `blas,onnx`: the first that is there, without measuring. Which is
 * there on a GPU that was asked for only trying them tells.
 */
function named(found: readonly EngineOn[], device: Device, names: string | undefined): readonly EngineOn[] {
  if (names === undefined || names.trim() === '') return found;
  const wanted = names.split(',').map((name) => name.trim());
  const own = found.filter(({ engine }) => wanted.includes(engine));
  const first = wanted.find((name) => own.some(({ engine }) => engine === name));
  const isOnCpu = device === 'auto' || device === 'cpu';
  if (found.length === 0 || first !== undefined) return isOnCpu ? own.filter(({ engine }) => engine === first) : own;
  throw new RunError(`BPNN_DIST_ENGINE=${names}: this machine has only ${found.map(nameOf).join(', ')}`);
}

async function figureOf(candidate: EngineOn, config: Config, sharing: number, signal: AbortSignal): Promise<EngineFigure> {
  const { model, loss, metrics, threads, precision } = config;
  const problems = [{ model, loss, metrics, count: shardSize(config) }];
  const trial = await tryInProcess({ ...candidate, threads, precision, problems }, signal);
  if (!trial.works) return { ...candidate, ms: null, reason: trial.reason.slice(0, 1_000) };
  return { ...candidate, ms: (trial.ms[0] ?? Number.NaN) * (candidate.device === 'cpu' ? 1 : sharing) };
}

/** The samples of a batch's largest shard. */
function shardSize({ batchSize, shards }: Config): number {
  return Math.ceil(batchSize / shards);
}

/** What the figure of an engine depends on: the machine, the engine's library, the network and how it is computed. */
async function subjectOf(config: Config, candidate: EngineOn): Promise<unknown> {
  const { model, loss, metrics, threads, precision } = config;
  const machine = [cpus()[0]?.model, usableCores(), process.env['OPENBLAS_CORETYPE']];
  const library = await libraryMark(candidate, threads);
  return { version, machine, ...candidate, library, model, loss, metrics, threads, precision, count: shardSize(config) };
}
