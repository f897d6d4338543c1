import { type BatchSummary, bendOf, type Speed, type Spread } from './results.js';

/** What the figures show, in a few sentences. */
export function inWords(summaries: readonly BatchSummary[], speeds: readonly Speed[], target: number): string[] {
  return [...accuracyWords(summaries, target), ...noiseWords(summaries), ...speedWords(speeds)];
}

function accuracyWords(summaries: readonly BatchSummary[], target: number): string[] {
  const variants = [...new Set(summaries.map(({ variant }) => variant))];
  return variants.map((variant) => {
    const own = summaries.filter((summary) => summary.variant === variant).sort((a, b) => a.batchSize - b.batchSize);
    const name = variant.startsWith('rate ') ? `With a learning rate of ${variant.slice(5)}` : ruleWords[variant as keyof typeof ruleWords];
    const reaching = own.filter(({ stepsToTarget }) => stepsToTarget !== undefined);
    const missing = own.filter(({ stepsToTarget }) => stepsToTarget === undefined).map(({ batchSize }) => batchSize);
    const [least, most] = [reaching[0], reaching.at(-1)];
    if (!least?.stepsToTarget || !most?.stepsToTarget) return `${name}, no batch reaches an accuracy of ${target} with every seed.`;
    const bend = bendOf(own);
    const ideal = most.batchSize / least.batchSize;
    const saved = least.stepsToTarget.mean / most.stepsToTarget.mean;
    const range =
      least === most
        ? `only the batch of ${least.batchSize} reaches an accuracy of ${target} with every seed, after ${around(least.stepsToTarget)} steps`
        : `steps to an accuracy of ${target} fall from ${around(least.stepsToTarget)} at a batch of ${least.batchSize} to ${around(most.stepsToTarget)} at ${most.batchSize}: ${round(saved)} times fewer steps for ${round(ideal)} times the samples a step`;
    const bent =
      bend === undefined || bend === most.batchSize
        ? ''
        : `. Up to a batch of ${bend} a target costs at most twice the samples of the cheapest; beyond, a larger one saves less than half of what it costs`;
    const lost = missing.length === 0 ? '' : `. Not every seed gets there at ${list(missing)}`;
    return `${name}, ${range}${bent}${lost}.`;
  });
}

const ruleWords = {
  none: 'With the same learning rate at every batch',
  linear: 'With the learning rate in proportion to the batch',
  sqrt: "With the learning rate in proportion to the batch's root",
} as const;

function noiseWords(summaries: readonly BatchSummary[]): string[] {
  const scales = summaries.flatMap(({ noiseScale }) => (noiseScale ? [noiseScale.mean] : [])).sort((a, b) => a - b);
  const [low, high] = [scales[0], scales.at(-1)];
  if (low === undefined || high === undefined) return [];
  const middle = scales[scales.length >> 1] ?? low;
  return [
    `The gradient noise scale at the end of the runs is ${said(low)} to ${said(high)} samples, ${said(middle)} in the middle: global batches beyond that buy little.`,
  ];
}

function speedWords(speeds: readonly Speed[]): string[] {
  const fastest = [...speeds].sort((a, b) => b.samplesPerSecond - a.samplesPerSecond)[0];
  if (!fastest) return [];
  const { batchSize, workers, samplesPerSecond, waiting, efficiency } = fastest;
  const words = [
    `The most samples a second, ${said(samplesPerSecond)}, are reached with ${count(workers)} at a batch of ${batchSize}; workers wait for ${percent(waiting)} of a step there${efficiency === undefined || efficiency === 1 ? '' : `, and the efficiency is ${percent(efficiency)}`}.`,
  ];
  const useless = speeds.filter((speed) => speed.efficiency !== undefined && speed.efficiency < 0.5);
  const sizes = [...new Set(useless.map((speed) => speed.batchSize))].sort((a, b) => a - b);
  if (sizes.length > 0)
    words.push(
      `At ${sizes.length === 1 ? 'a batch of' : 'batches of'} ${list(sizes)} the most workers bring less than half of what they could.`,
    );
  return words;
}

function around({ mean }: Spread): string {
  return said(mean);
}

function said(value: number): string {
  return round(value).toLocaleString('en-US');
}

/** Two digits that count, three of what begins with a one. */
function round(value: number): number {
  return Number(value.toPrecision(/^0*\.?0*1/.test(String(value)) ? 3 : 2));
}

function percent(part: number): string {
  return `${Math.round(part * 100)} %`;
}

function count(workers: number): string {
  return workers === 1 ? '1 worker' : `${workers} workers`;
}

function list(values: readonly number[]): string {
  return values.length < 2 ? values.join('') : `${values.slice(0, -1).join(', ')} and ${values.at(-1)}`;
}
