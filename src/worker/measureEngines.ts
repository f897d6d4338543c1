import { availableParallelism, cpus } from 'node:os';
import { candidatesFor } from '../engines/candidates.js';
import { tryInProcess } from '../engines/trial/tryInProcess.js';
import type { Config } from '../shared/config/schema.js';
import { type EngineFigure, type EngineOn, fastestOf, nameOf } from '../shared/engineChoice.js';
import { errorMessage, RunError } from '../shared/errors.js';
import { version } from '../shared/version.js';
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
}

/**
 * Times the engines of this machine that a config leaves open with a shard of its own network, each in a process of its
 * own, one after the other. What it finds is kept for the next run of the same network.
 * @throws RunError where none works
 */
export async function measureEngines(config: Config, { isAnew, say, signal }: MeasureOptions): Promise<Measured> {
  const { found, note } = await candidatesFor(config);
  const candidates = config.engine === 'auto' ? named(found, process.env['BPNN_DIST_ENGINE']) : found;
  if (candidates.length === 0) {
    const wanted = [config.engine, config.device, config.precision].join(', ');
    throw new RunError(
      `no engine of this machine can compute what is asked for (${wanted}); bpnn-dist doctor says what it has and how to get others`,
    );
  }
  const withNote = (...notes: readonly (string | undefined)[]): { readonly note?: string } => {
    const said = [note, ...notes].filter((text) => text !== undefined);
    return said.length === 0 ? {} : { note: said.join('; ') };
  };
  if (candidates.length === 1) return { figures: candidates.map((only) => ({ ...only, ms: null })), isOld: false, ...withNote() };
  const what = subjectOf(config);
  const known = isAnew ? undefined : await recall(what);
  const before = known && fastestOf(known);
  if (known && before && candidates.some((one) => nameOf(one) === nameOf(before))) {
    const added = candidates.filter((one) => !known.some((other) => nameOf(one) === nameOf(other))).map(nameOf);
    return {
      figures: known,
      isOld: true,
      ...withNote(added.length === 0 ? undefined : `${added.join(', ')} is new here: --measure tries it`),
    };
  }
  say(`measuring ${candidates.map(nameOf).join(', ')}`);
  const figures: EngineFigure[] = [];
  for (const candidate of candidates) figures.push(await figureOf(candidate, config, signal));
  if (!fastestOf(figures)) {
    const reasons = figures.map((figure) => `\n  ${nameOf(figure)}: ${figure.reason}`).join('');
    throw new RunError(
      `no engine can compute on ${config.device}${config.device === 'cpu' ? '' : ' (--device cpu does without)'}${reasons}`,
    );
  }
  const trouble = await remember(what, figures).then(
    () => undefined,
    (error: unknown) => `the figures could not be kept for the next run: ${errorMessage(error)}`,
  );
  return { figures, isOld: false, ...withNote(trouble) };
}

/** Those that the machine's owner names, in a list like `blas,onnx`: the first that is there, without measuring. */
function named(found: readonly EngineOn[], names: string | undefined): readonly EngineOn[] {
  if (names === undefined || names.trim() === '') return found;
  if (found.length === 0) return found;
  for (const name of names.split(',')) {
    const first = found.find(({ engine }) => engine === name.trim());
    if (first) return [first];
  }
  throw new RunError(`BPNN_DIST_ENGINE=${names}: this machine has only ${found.map(nameOf).join(', ')}`);
}

async function figureOf(candidate: EngineOn, config: Config, signal: AbortSignal): Promise<EngineFigure> {
  const { model, loss, metrics, threads, precision } = config;
  const problems = [{ model, loss, metrics, count: shardSize(config) }];
  const trial = await tryInProcess({ ...candidate, threads, precision, problems }, signal);
  return trial.works ? { ...candidate, ms: trial.ms[0] ?? null } : { ...candidate, ms: null, reason: trial.reason.slice(0, 1_000) };
}

/** The samples of a batch's largest shard. */
function shardSize({ batchSize, shards }: Config): number {
  return Math.ceil(batchSize / shards);
}

/** What figures depend on: machine, network and how it is computed. */
function subjectOf(config: Config): unknown {
  const { engine, device, model, loss, metrics, threads, precision } = config;
  const machine = [cpus()[0]?.model, availableParallelism()];
  return { version, machine, engine, device, model, loss, metrics, threads, precision, count: shardSize(config) };
}
