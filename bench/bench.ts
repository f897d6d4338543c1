import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { median } from '../src/shared/numbers/median.js';
import { type Measured, measureOurEpoch, measureOurs } from './ours.js';
import { measureKerasEpoch, measureTfjsEpoch, peers } from './peers.js';
import { nameOf, parametersOf, type Setting, settings } from './settings.js';

/**
 * Milliseconds a step over two workers on this machine, and where they go: `npm run bench`. With `--peers` the same work
 * by PyTorch and Keras, in turn with ours, and the ratios. `--rounds N` (default 3), `--only TEXT` for some settings,
 * and whatever follows `--` goes to `bpnn-dist up`.
 */
const { values, positionals } = parseArgs({
  options: { peers: { type: 'boolean', default: false }, rounds: { type: 'string', default: '3' }, only: { type: 'string' } },
  allowPositionals: true,
});
const rounds = Number(values.rounds);
const chosen = settings.filter((setting) => values.only === undefined || nameOf(setting).includes(values.only));

interface Taken {
  readonly setting: Setting;
  readonly ours: Measured[];
  /** The same in four shards, as is our default. */
  readonly inFour: Measured[];
  readonly peers: Map<string, number[]>;
}

const sorted = (figures: readonly number[]): number[] => [...figures].sort((a, b) => a - b);
const short = (figure: number): number => Number(figure.toPrecision(3));
const spread = (figures: readonly number[]): string =>
  `${short(sorted(figures)[0] ?? Number.NaN)} - ${short(sorted(figures).at(-1) ?? Number.NaN)}`;

const taken: Taken[] = chosen.map((setting) => ({ setting, ours: [], inFour: [], peers: new Map() }));
const epochs = { ours: [] as number[], keras: [] as number[], tfjs: [] as number[] };
for (let round = 0; round < rounds; round++) {
  for (const { setting, ours, inFour, peers: byPeer } of taken) {
    ours.push(measureOurs(setting, 2, ...positionals));
    inFour.push(measureOurs(setting, 4, ...positionals));
    for (const peer of values.peers ? peers : []) byPeer.set(peer.name, [...(byPeer.get(peer.name) ?? []), await peer.measure(setting)]);
  }
  if (values.only !== undefined) continue;
  epochs.ours.push(measureOurEpoch(4));
  if (!values.peers) continue;
  epochs.keras.push(measureKerasEpoch(3));
  epochs.tfjs.push(measureTfjsEpoch(2));
}

const steps = taken.map(({ setting, ours, inFour }) => {
  const of = (figure: (measured: Measured) => number): number => short(median(ours.map(figure)));
  return {
    network: nameOf(setting),
    'ms a step': of(({ step }) => step),
    spread: spread(ours.map(({ step }) => step)),
    median: of(({ median }) => median),
    p99: of(({ p99 }) => p99),
    'whole run': of(({ wholeRun }) => wholeRun),
    compute: of(({ compute }) => compute),
    reduce: of(({ reduce }) => reduce),
    'optimizer, L2': of(({ update }) => update),
    'hand-over, idle': of(({ rest }) => rest),
    'ms in 4 shards': short(median(inFour.map(({ step }) => step))),
    'samples/s': Math.round(median(ours.map(({ samplesPerSecond }) => samplesPerSecond))),
    // Written once a step by the coordinator, and once by each worker.
    'MB moved': short((parametersOf(setting) * 4 * 3) / 1e6),
  };
});
const ratios = taken.flatMap(({ setting, ours, peers: byPeer }) =>
  [...byPeer].map(([peer, figures]) => ({
    network: nameOf(setting),
    peer,
    'ms a step': short(median(figures)),
    spread: spread(figures),
    'times ours': short(median(figures) / median(ours.map(({ step }) => step))),
    'each round': figures.map((figure, round) => short(figure / (ours[round]?.step ?? Number.NaN))).join(' '),
  })),
);
const epoch = {
  'ours, s an epoch': short(median(epochs.ours)),
  'Keras fit, s an epoch': short(median(epochs.keras)),
  'tfjs-node, s an epoch': short(median(epochs.tfjs)),
  'ours by Keras': short(median(epochs.ours) / median(epochs.keras)),
  'ours by tfjs-node': short(median(epochs.ours) / median(epochs.tfjs)),
};

const machine = `${cpus().length} x ${cpus()[0]?.model.trim()}, Node ${process.version}, ${taken[0]?.ours[0]?.engine}`;
console.log(machine);
console.table(steps);
if (values.peers) console.table(ratios);
if (values.only === undefined) console.table([epoch]);
if (values.only === undefined && positionals.length === 0) {
  const folder = new URL('results/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  const file = fileURLToPath(new URL(values.peers ? 'peers.json' : 'ours.json', folder));
  writeFileSync(file, `${JSON.stringify({ machine, rounds, steps, ...(values.peers ? { ratios } : {}), epoch }, undefined, 2)}\n`);
}
