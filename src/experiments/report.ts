import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'csv-stringify/sync';
import { chartsOf, variantName } from './charts.js';
import { drawChart, escapeText } from './drawChart.js';
import { type BatchSummary, type Speed, type Spread, summarizeBatches, summarizeSpeeds } from './results.js';
import type { ScaleResults } from './runGrid.js';
import { inWords } from './words.js';

/** Files that an experiment ends in. */
export interface ReportFiles {
  readonly html: string;
  readonly csv: string;
  readonly json: string;
  readonly words: readonly string[];
}

/** Writes results.json, results.csv, report.html and its charts as files of their own. Returns their paths and the words. */
export function writeReport(out: string, results: ScaleResults, target: number): ReportFiles {
  const batches = summarizeBatches(results.trainings, results.timings, target);
  const speeds = summarizeSpeeds(results.timings, results.grid.sweep);
  const words = inWords(batches, speeds, target);
  const files = { html: join(out, 'report.html'), csv: join(out, 'results.csv'), json: join(out, 'results.json') };
  writeFileSync(files.json, `${JSON.stringify({ target, words, batches, speeds, ...results }, undefined, 1)}\n`);
  writeFileSync(files.csv, csvOf(batches, speeds));
  const charts = Object.entries(chartsOf(batches, speeds, results.trainings, target)).map(
    ([name, chart]) => [name, drawChart(chart)] as const,
  );
  const drawn = charts.filter(([, svg]) => svg !== '');
  for (const [name, svg] of drawn) writeFileSync(join(out, `${name}.svg`), `${svg}\n`);
  writeFileSync(
    files.html,
    pageOf(
      results,
      target,
      words,
      batches,
      speeds,
      drawn.map(([, svg]) => svg),
    ),
  );
  return { ...files, words };
}

/** A row a cell: trainings with their means over seeds, then timings. */
function csvOf(batches: readonly BatchSummary[], speeds: readonly Speed[]): string {
  const spreads = [
    'stepsToTarget',
    'samplesToTarget',
    'secondsToTarget',
    'finalAccuracy',
    'bestAccuracy',
    'finalLoss',
    'noiseScale',
  ] as const;
  const trained = batches.map((batch) => ({
    ...{ kind: 'training', batchSize: batch.batchSize, variant: batch.variant, learningRate: batch.learningRate },
    ...{ seeds: batch.seeds, reached: batch.reached },
    ...Object.fromEntries(
      spreads.flatMap((key) => [
        [key, batch[key]?.mean],
        [`${key}Deviation`, batch[key]?.deviation],
      ]),
    ),
  }));
  const timed = speeds.map((speed) => ({ kind: 'timing', ...speed }));
  const columns = [...new Set([...trained, ...timed].flatMap((row) => Object.keys(row)))];
  return stringify([...trained, ...timed], { header: true, columns });
}

function pageOf(
  { grid, shards, commandLine, failures, version }: ScaleResults,
  target: number,
  words: readonly string[],
  batches: readonly BatchSummary[],
  speeds: readonly Speed[],
  charts: readonly string[],
): string {
  const command = `bpnn-dist ${commandLine.map((word) => (/^[\w./,:=-]+$/.test(word) ? word : `'${word}'`)).join(' ')}`;
  const failed = failures.map(({ name, reason }) => `<li><b>${escapeText(name)}</b>: ${escapeText(reason)}</li>`).join('');
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Scaling experiment</title>
<style>
:root { color-scheme: light dark; --text: #1f2328; --back: #fff; --line: #d0d7de; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --back: #0d1117; --line: #3d444d; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); max-width: 1360px; margin: 0 auto; padding: 1rem; }
main > p { max-width: 75ch; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 480px), 1fr)); gap: 1rem; }
.charts svg { width: 100%; height: auto; border: 1px solid var(--line); border-radius: 6px; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .75rem; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
code { overflow-wrap: anywhere; }
</style>
<main>
<h1>Scaling experiment</h1>
<p><code>${escapeText(command)}</code></p>
${words.map((sentence) => `<p>${escapeText(sentence)}</p>`).join('\n')}
<div class="charts">${charts.join('\n')}</div>
${failed === '' ? '' : `<h2>Cells that failed</h2><ul>${failed}</ul>`}
<h2>Trainings</h2>
<p>Means over ${grid.seeds} ${grid.seeds === 1 ? 'seed' : 'seeds'} and their standard deviations; steps, samples and seconds until an accuracy of ${target}, between the ends of epochs in a straight line; seconds are as many steps of the length below, with the most workers. Every batch is cut into ${shards} shards, so the weights do not depend on the workers.</p>
${batchTable(batches)}
<h2>Speed</h2>
<p>Medians of the last steps of runs that were only timed, without validation${grid.sweep === 'weak' ? ', each worker with the same local batch' : ''}. Computing is the part of a step that the worker computes that takes longest; the rest is waiting for others and for the coordinator.</p>
${speedTable(speeds)}
<p>bpnn-dist ${escapeText(version)}</p>
</main>
</html>
`;
}

function batchTable(batches: readonly BatchSummary[]): string {
  const rows = [...batches]
    .sort((a, b) => a.variant.localeCompare(b.variant) || a.batchSize - b.batchSize)
    .map((batch) => [
      ...[variantName(batch.variant), String(batch.batchSize), short(batch.learningRate), `${batch.reached}/${batch.seeds}`],
      ...[batch.stepsToTarget, batch.samplesToTarget, batch.secondsToTarget].map((value) => spread(value, 3)),
      ...[batch.finalAccuracy, batch.bestAccuracy].map((value) => spread(value, 4)),
      spread(batch.noiseScale, 2),
    ]);
  const heads = [
    'learning rate by',
    'global batch',
    'rate',
    'reached',
    'steps',
    'samples',
    'seconds',
    'final accuracy',
    'best accuracy',
    'noise scale',
  ];
  return table('Trainings by rule and global batch', heads, rows);
}

function speedTable(speeds: readonly Speed[]): string {
  const rows = speeds.map((speed) => [
    ...[
      String(speed.batchSize),
      String(speed.workers),
      speed.engine,
      short(speed.stepMs),
      Math.round(speed.samplesPerSecond).toLocaleString('en-US'),
    ],
    ...[speed.efficiency, speed.computing, speed.waiting].map((part) => (part === undefined ? '' : `${Math.round(part * 100)} %`)),
  ]);
  return table(
    'Speed by global batch and workers',
    ['global batch', 'workers', 'engine', 'ms a step', 'samples a second', 'efficiency', 'computing', 'waiting'],
    rows,
  );
}

function table(caption: string, heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = heads.map((text) => `<th scope="col">${escapeText(text)}</th>`).join('');
  const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${escapeText(cell)}</td>`).join('')}</tr>`).join('\n');
  return `<div class="table" tabindex="0" role="region" aria-label="${escapeText(caption)}"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

function spread(value: Spread | undefined, digits: number): string {
  if (!value) return '';
  return `${short(value.mean, digits)}${value.deviation > 0 ? ` ± ${short(value.deviation, 2)}` : ''}`;
}

function short(value: number, digits = 3): string {
  return Math.abs(value) >= 1_000 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(digits)));
}
