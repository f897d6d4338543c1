import type { HardestImages, RunSnapshot, RunStatus, WorkerStatus } from '../dashboard/api.js';
import { titleOf } from './curves.js';
import { element, type Head, table } from './dom.js';
import type { RunView } from './runView.js';
import { duration, figure, percent, whole } from './shownNumbers.js';

type Mood = 'good' | 'busy' | 'bad';

function state(mood: Mood, text: string): HTMLElement {
  return element('span', { class: `state ${mood}` }, text);
}

/** What has become of a run. */
function stateOf({ status, summary, isSilent }: RunSnapshot): HTMLElement {
  // Runs of earlier versions have only a summary.
  if (!status) return summary ? state('good', 'done') : state('busy', 'unknown');
  if (status.state === 'ended') return state('good', 'done');
  if (status.state === 'failed') return state('bad', 'failed');
  if (status.state === 'stopped') return state('busy', 'stopped');
  if (isSilent) return state('bad', `no word since ${clock(status.time)}`);
  return status.state === 'waiting' ? state('busy', 'waiting for workers') : state('good', 'training');
}

/** A run in a few lines: how far it is, how fast, how good. */
export function runCard(run: RunView, isOne: boolean, onShow: (isShown: boolean) => void): HTMLElement {
  const { snapshot } = run;
  if (!snapshot) return element('article', { class: 'card' }, run.id);
  const { status, summary, epochs } = snapshot;
  const swatch = element('span', { class: 'swatch' });
  swatch.style.color = run.colour;
  const box = element('input', { type: 'checkbox', checked: run.isShown, 'aria-label': `draw ${snapshot.id}` });
  box.addEventListener('change', () => onShow(box.checked));
  const head = element('p', { class: 'head' }, ...(isOne ? [] : [box]), swatch, snapshot.id, stateOf(snapshot));
  const latest = Object.entries(epochs.at(-1) ?? {}).filter(([name]) => name !== 'epoch' && name !== 'steps');
  // Of one that goes on, the summary is that of its end before.
  const test = Object.entries((status?.state ?? 'ended') === 'ended' ? (summary ?? {}) : {}).filter(([name]) => /^test[A-Z]/.test(name));
  return element(
    'article',
    { class: 'card' },
    head,
    ...(status ? progressOf(status) : []),
    ...(status?.reason && status.state !== 'ended' ? [element('p', {}, status.reason)] : []),
    ...[latest, test].filter((list) => list.length > 0).map((list) => element('p', { class: 'figures' }, figuresText(list))),
    element('p', { class: 'faint' }, snapshot.path),
  );
}

function progressOf(status: RunStatus): HTMLElement[] {
  const { step, totalSteps, epoch, epochs, samplesPerSecond, globalBatch, state: now } = status;
  const isDone = step >= totalSteps || now === 'ended';
  const left = ((totalSteps - step) * globalBatch) / samplesPerSecond;
  const parts = [
    epochs === null ? `epoch ${epoch + 1}` : `epoch ${Math.min(epoch + 1, epochs)} of ${epochs}`,
    `step ${whole(step)} of ${whole(totalSteps)}`,
    ...(samplesPerSecond > 0 ? [`${whole(samplesPerSecond)} samples/s`] : []),
    ...(now === 'training' && !isDone && samplesPerSecond > 0 ? [`at most ${duration(left)} left`] : []),
  ];
  return [
    element('progress', { max: totalSteps, value: isDone ? totalSteps : step, 'aria-label': 'steps done' }),
    element('p', { class: 'figures' }, parts.join(', ')),
  ];
}

function figuresText(figures: readonly (readonly [string, unknown])[]): string {
  return figures.map(([name, value]) => `${titleOf(name).toLowerCase()} ${figure(value)}`).join(', ');
}

const workerHeads: readonly Head[] = [
  { text: 'worker' },
  { text: 'state', class: 'left' },
  { text: 'engine', class: 'left' },
  { text: 'device', class: 'left' },
  { text: 'shards' },
  { text: 'computed' },
  { text: 'waited' },
  { text: 'busy' },
  { text: 'restarts' },
  { text: 'process', class: 'left' },
];
const lossHead: Head = { text: 'last lost because', class: 'note' };

const moods: Readonly<Record<WorkerStatus['state'], Mood>> = { ready: 'good', preparing: 'busy', lost: 'bad' };

/** Who computes. Of a run that is over, what they have done. */
export function workersTable({ status }: RunSnapshot): HTMLElement {
  if (!status || status.workers.length === 0) return element('p', {}, status ? 'none has come yet' : 'this run has kept nothing of them');
  const isOver = ['ended', 'stopped', 'failed'].includes(status.state);
  const hasLost = status.workers.some(({ note }) => note !== null);
  const rows = status.workers.map((worker) => {
    const { computeSeconds, waitSeconds } = worker;
    const all = computeSeconds + waitSeconds;
    return [
      worker.name,
      isOver && worker.state === 'ready' ? state('good', 'done') : state(moods[worker.state], worker.state),
      worker.engine ?? '–',
      worker.device ?? '–',
      whole(worker.shards),
      `${computeSeconds.toFixed(1)} s`,
      `${waitSeconds.toFixed(1)} s`,
      all > 0 ? percent(computeSeconds / all) : '–',
      String(worker.restarts),
      `${worker.pid} on ${worker.host}`,
      ...(hasLost ? [worker.note ?? ''] : []),
    ];
  });
  return table(hasLost ? [...workerHeads, lossHead] : workerHeads, rows);
}

/** What happened, the newest first. */
export function eventItems({ events }: RunSnapshot): HTMLElement[] {
  return events.toReversed().map(({ time, line }) => {
    const when = time === null ? [] : [element('time', { datetime: new Date(time).toISOString() }, clock(time))];
    return element('li', {}, ...when, line);
  });
}

export function networkTable({ layers }: RunSnapshot): HTMLElement {
  if (layers.length === 0) return element('p', {}, 'not known');
  const total = layers.reduce((sum, { parameters }) => sum + parameters, 0);
  const rows = layers.map(({ name, detail, outputShape, parameters }) => [name, detail, outputShape.join(' × '), whole(parameters)]);
  return table(
    [{ text: 'layer' }, { text: 'activation or rate', class: 'left' }, { text: 'gives' }, { text: 'parameters' }],
    [...rows, ['all', '', '', whole(total)]],
  );
}

/** Epochs in the table: a page of some thousand rows is slow. */
const mostEpochs = 500;

/** The figures of the last epochs, the last one first. */
export function epochsTable({ epochs }: RunSnapshot): HTMLElement {
  const names = [...new Set(epochs.flatMap((line) => Object.keys(line)))].filter((name) => name !== 'epoch' && name !== 'steps');
  if (epochs.length === 0) return element('p', {}, 'none is over yet');
  const rows = epochs
    .slice(-mostEpochs)
    .toReversed()
    .map((line) => [String((line['epoch'] ?? 0) + 1), ...names.map((name) => figure(line[name]))]);
  return table([{ text: 'epoch' }, ...names.map((name) => ({ text: titleOf(name) }))], rows);
}

/** Images with what they are and what they were taken for. */
export function imageItems({ images, width, height, channels }: HardestImages): HTMLElement[] {
  return images.map(({ sample, target, class: taken, probability, pixels }) => {
    const canvas = element('canvas', { width, height, role: 'img', 'aria-label': `sample ${sample}: a ${target}, taken for a ${taken}` });
    const bytes = Uint8Array.from(atob(pixels), (letter) => letter.charCodeAt(0));
    const image = new ImageData(width, height);
    for (let pixel = 0; pixel < width * height; pixel++) {
      for (let colour = 0; colour < 3; colour++)
        image.data[pixel * 4 + colour] = bytes[pixel * channels + (channels === 3 ? colour : 0)] ?? 0;
      image.data[pixel * 4 + 3] = 255;
    }
    canvas.getContext('2d')?.putImageData(image, 0, 0);
    return element('li', {}, canvas, `${target}, taken for ${taken} (${percent(probability)})`, element('br', {}), `sample ${sample}`);
  });
}

function clock(time: number): string {
  return new Date(time).toLocaleTimeString(undefined, { hour12: false });
}
