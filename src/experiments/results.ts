import type { Timing, Training, Variant } from './grid.js';

/** What one training gave. */
export interface TrainingResult extends Omit<Training, 'kind'> {
  /** Figures at the end of each epoch, by the steps taken until then. */
  readonly curve: readonly EpochPoint[];
  readonly steps: number;
  /** Validation and all else included. */
  readonly seconds: number;
  readonly learningRate: number;
  readonly noiseScale: number | null;
}

export interface EpochPoint {
  readonly steps: number;
  readonly loss: number;
  /** Of the validation set where there is one. */
  readonly validationLoss: number | undefined;
  readonly accuracy: number | undefined;
}

/** What timing gave. */
export interface TimingResult extends Omit<Timing, 'kind'> {
  readonly engine: string;
  /** Milliseconds a step, and of that the worker that computed longest. */
  readonly stepMs: number;
  readonly computeMs: number;
}

/** A cell that could not be run. */
export interface Failure {
  readonly name: string;
  readonly reason: string;
}

/** A mean over seeds, and the standard deviation of what it is a mean of. */
export interface Spread {
  readonly mean: number;
  readonly deviation: number;
}

/** All seeds of one batch and variant. Undefined where no seed, or not every one, has it. */
export interface BatchSummary {
  readonly batchSize: number;
  readonly variant: Variant;
  readonly learningRate: number;
  readonly seeds: number;
  /** Seeds that have reached the target. */
  readonly reached: number;
  readonly stepsToTarget: Spread | undefined;
  readonly samplesToTarget: Spread | undefined;
  readonly secondsToTarget: Spread | undefined;
  readonly finalAccuracy: Spread | undefined;
  readonly bestAccuracy: Spread | undefined;
  readonly finalLoss: Spread | undefined;
  readonly noiseScale: Spread | undefined;
}

/** One number of workers at one batch. */
export interface Speed {
  readonly batchSize: number;
  readonly workers: number;
  readonly engine: string;
  readonly stepMs: number;
  readonly samplesPerSecond: number;
  /** Samples a second, of as many times those of the fewest workers. Undefined where these were not timed. */
  readonly efficiency: number | undefined;
  /** Parts of a step's time. */
  readonly computing: number;
  readonly waiting: number;
}

/**
 * Steps to a target accuracy: between the two epochs' ends where it is first passed, in a straight line.
 * Undefined where it is never reached.
 */
export function stepsTo(target: number, curve: readonly EpochPoint[]): number | undefined {
  const at = curve.findIndex(({ accuracy }) => accuracy !== undefined && accuracy >= target);
  const [before, first] = [curve[at - 1], curve[at]];
  if (first?.accuracy === undefined) return undefined;
  if (before?.accuracy === undefined || Number.isNaN(before.accuracy)) return first.steps;
  const part = (target - before.accuracy) / (first.accuracy - before.accuracy);
  return before.steps + part * (first.steps - before.steps);
}

/**
 * Means over seeds, by variant and then by batch. Seconds are steps of the median length that was measured with the same
 * batch and workers: those of the trainings themselves hold whatever else the machine was doing.
 */
export function summarizeBatches(trainings: readonly TrainingResult[], timings: readonly TimingResult[], target: number): BatchSummary[] {
  const groups = new Map<string, TrainingResult[]>();
  for (const result of trainings) {
    const key = `${result.variant} ${result.batchSize}`;
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (!first) return [];
    const reaching = group.map(({ curve }) => stepsTo(target, curve));
    const steps = reaching.filter((value) => value !== undefined);
    // A mean over the lucky ones would flatter.
    const whole = steps.length === group.length ? steps : [];
    const accuracies = group.map(({ curve }) => curve.flatMap(({ accuracy }) => accuracy ?? []));
    const { batchSize, variant, learningRate, workers } = first;
    const { stepMs } = timings.find((timing) => timing.batchSize === batchSize && timing.workers === workers) ?? {};
    return {
      ...{ batchSize, variant, learningRate, seeds: group.length, reached: steps.length },
      stepsToTarget: spread(whole),
      samplesToTarget: spread(whole.map((value) => value * batchSize)),
      secondsToTarget: stepMs === undefined ? undefined : spread(whole.map((value) => (value * stepMs) / 1_000)),
      finalAccuracy: spread(accuracies.flatMap((row) => row.at(-1) ?? [])),
      bestAccuracy: spread(accuracies.flatMap((row) => (row.length === 0 ? [] : Math.max(...row)))),
      finalLoss: spread(group.flatMap(({ curve }) => curve.at(-1)?.validationLoss ?? curve.at(-1)?.loss ?? [])),
      noiseScale: spread(group.flatMap(({ noiseScale }) => noiseScale ?? [])),
    };
  });
}

/** Speeds, each beside those of the fewest workers: of the same global batch, or with a fixed local one of the same local. */
export function summarizeSpeeds(timings: readonly TimingResult[], sweep: 'strong' | 'weak'): Speed[] {
  const local = ({ batchSize, workers }: TimingResult): number => (sweep === 'weak' ? batchSize / workers : batchSize);
  const rateOf = ({ batchSize, stepMs }: TimingResult): number => (batchSize / stepMs) * 1_000;
  return timings.map((timing) => {
    const { batchSize, workers, engine, stepMs, computeMs } = timing;
    const family = timings.filter((other) => local(other) === local(timing)).sort((a, b) => a.workers - b.workers);
    const [fewest] = family;
    const efficiency = fewest && (rateOf(timing) / workers) * (fewest.workers / rateOf(fewest));
    const computing = Math.min(1, computeMs / stepMs);
    return { batchSize, workers, engine, stepMs, samplesPerSecond: rateOf(timing), efficiency, computing, waiting: 1 - computing };
  });
}

/** Undefined of nothing; the deviation of a single value is zero. */
function spread(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / Math.max(1, values.length - 1)) };
}

/**
 * The largest batch that costs at most twice the samples of the cheapest: up to there more workers save steps; beyond,
 * each doubling saves less than half of what it costs. Undefined where no batch has reached the target.
 */
export function bendOf(summaries: readonly BatchSummary[]): number | undefined {
  const costs = summaries.flatMap(({ batchSize, samplesToTarget }) =>
    samplesToTarget ? [{ batchSize, samples: samplesToTarget.mean }] : [],
  );
  const least = Math.min(...costs.map(({ samples }) => samples));
  const cheap = costs.filter(({ samples }) => samples <= 2 * least).map(({ batchSize }) => batchSize);
  return cheap.length === 0 ? undefined : Math.max(...cheap);
}
