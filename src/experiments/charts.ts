import type { Axis, Chart, Series } from './drawChart.js';
import { type BatchSummary, bendOf, type Speed, type Spread, type TrainingResult } from './results.js';

/** The charts of an experiment, by the names of their files. */
export function chartsOf(
  summaries: readonly BatchSummary[],
  speeds: readonly Speed[],
  trainings: readonly TrainingResult[],
  target: number,
): Readonly<Record<string, Chart>> {
  return { ...speedCharts(speeds), ...targetCharts(summaries, target), accuracy: accuracyChart(summaries), loss: lossChart(trainings) };
}

const batchAxis = (sizes: readonly number[]): Axis => ({
  label: 'global batch',
  scale: 'log',
  ticks: thinned([...new Set(sizes)].sort((a, b) => a - b)),
});

/** Every second mark where there are too many to stand side by side. */
function thinned(ticks: readonly number[]): readonly number[] {
  return ticks.length <= 10 ? ticks : ticks.filter((_, i) => i % 2 === 0);
}

function speedCharts(speeds: readonly Speed[]): Readonly<Record<string, Chart>> {
  const groups = groupBy(speeds, ({ batchSize }) => `batch ${batchSize}`);
  const counts = [...new Set(speeds.map(({ workers }) => workers))].sort((a, b) => a - b);
  const x: Axis = { label: 'workers', scale: 'linear', ticks: counts };
  const [fewest = 1] = counts;
  // What the fewest workers of the fastest batch would give, were there no cost of working together.
  const best = Math.max(0, ...speeds.filter(({ workers }) => workers === fewest).map(({ samplesPerSecond }) => samplesPerSecond));
  const ideal = (of: (workers: number) => number): Series => ({
    name: 'ideal',
    isIdeal: true,
    points: counts.map((count) => ({ x: count, y: of(count) })),
  });
  const series = (of: (speed: Speed) => number | undefined): Series[] =>
    [...groups].map(([name, group]) => ({
      name,
      points: group.flatMap((speed) => (of(speed) === undefined ? [] : [{ x: speed.workers, y: of(speed) ?? 0 }])),
    }));
  return {
    throughput: {
      title: 'Samples a second by workers',
      description: 'Samples a second against the number of workers, one line a global batch, with the line of perfect scaling.',
      ...{ x, y: { label: 'samples a second', scale: 'linear', include: 0 } },
      series: [...series(({ samplesPerSecond }) => samplesPerSecond), ideal((count) => (best / fewest) * count)],
    },
    efficiency: {
      title: 'Scaling efficiency by workers',
      description: 'Throughput as a part of as many times that of the fewest workers, one line a global batch.',
      ...{ x, y: { label: 'efficiency', scale: 'linear', include: 0 } },
      series: [...series(({ efficiency }) => efficiency), ideal(() => 1)],
    },
  };
}

function targetCharts(summaries: readonly BatchSummary[], target: number): Readonly<Record<string, Chart>> {
  const groups = groupBy(summaries, nameOf);
  const x = batchAxis(summaries.map(({ batchSize }) => batchSize));
  const series = (of: (summary: BatchSummary) => Spread | undefined): Series[] =>
    [...groups].map(([name, group]) => ({ name, points: points(group, of) }));
  const steps = series(({ stepsToTarget }) => stepsToTarget);
  const reached = steps.flatMap((one) => one.points);
  const cheapest = Math.min(...reached.map((point) => point.x * point.y));
  const perfect: Series = {
    name: 'perfect scaling',
    isIdeal: true,
    points: [...new Set(reached.map((point) => point.x))].map((batch) => ({ x: batch, y: cheapest / batch })),
  };
  const bends = [...groups].flatMap(([name, group]) => {
    const bend = bendOf(group);
    return bend === undefined ? [] : [`${name} bends at ${bend}`];
  });
  return {
    steps: {
      title: `Steps to an accuracy of ${target} by global batch`,
      description: `Both axes are logarithmic. Along the dashed line twice the batch takes half of the steps. ${bends.join('; ')}.`,
      ...{ x, y: { label: 'steps', scale: 'log' }, series: [...steps, perfect] },
    },
    time: {
      title: `Time to an accuracy of ${target} by global batch`,
      description: 'Steps to the target accuracy times the length of a step with the most workers of each batch, without validation.',
      ...{ x, y: { label: 'seconds', scale: 'log' }, series: series(({ secondsToTarget }) => secondsToTarget) },
    },
  };
}

function accuracyChart(summaries: readonly BatchSummary[]): Chart {
  const series = [...groupBy(summaries, nameOf)].map(([name, group]) => ({
    name,
    points: points(group, ({ bestAccuracy }) => bestAccuracy),
  }));
  return {
    title: 'Best accuracy by global batch',
    description: 'The best accuracy of a run, averaged over seeds, one line a rule for the learning rate.',
    ...{ x: batchAxis(summaries.map(({ batchSize }) => batchSize)), y: { label: 'accuracy', scale: 'linear' }, series },
  };
}

/** The first seed of every batch, with the variant whose runs are best at it. */
function lossChart(trainings: readonly TrainingResult[]): Chart {
  const last = ({ curve }: TrainingResult): number =>
    Math.min(...curve.map(({ validationLoss, loss }) => validationLoss ?? loss).filter(Number.isFinite));
  const series = [...groupBy(trainings, ({ batchSize }) => `batch ${batchSize}`)].flatMap(([name, group]): Series[] => {
    const best = group.filter(({ seed }) => seed === 1).sort((a, b) => last(a) - last(b))[0];
    if (!best) return [];
    return [
      {
        name: `${name}, ${variantName(best.variant)}`,
        points: best.curve.map(({ steps, validationLoss, loss }) => ({ x: steps, y: validationLoss ?? loss })),
      },
    ];
  });
  return {
    title: 'Loss by steps',
    description: 'The validation loss at the end of each epoch, for every global batch the rule that ends lowest, with the first seed.',
    ...{ x: { label: 'steps', scale: 'log' }, y: { label: 'validation loss', scale: 'log' }, series },
  };
}

function points(group: readonly BatchSummary[], of: (summary: BatchSummary) => Spread | undefined): Series['points'] {
  return group.flatMap((summary) => {
    const value = of(summary);
    return value ? [{ x: summary.batchSize, y: value.mean, spread: value.deviation }] : [];
  });
}

function nameOf({ variant }: BatchSummary): string {
  return variantName(variant);
}

/** What a legend calls a rule or a rate. */
export function variantName(variant: string): string {
  return variant === 'none' ? 'same rate' : variant.startsWith('rate ') ? variant : `${variant} rule`;
}

function groupBy<T>(items: readonly T[], nameOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(nameOf(item), [...(groups.get(nameOf(item)) ?? []), item]);
  return groups;
}
