import { closeSync, openSync, readdirSync, statSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { encodeMessage } from './eventSchema.js';
import { histogramOf } from './histogram.js';
import { record } from './records.js';

/** Events that may wait in memory, and milliseconds that they may wait while others come. */
const flushCount = 1_000;
const flushInterval = 2_000;

type Value = Readonly<Record<string, unknown>>;

/** An event file of TensorBoard. Events wait as they are and are encoded many at a time: a step has no time for that. */
export class EventFile {
  readonly path: string;
  readonly #file: number;
  readonly #waiting: Value[] = [];
  #flushedAt = performance.now();
  /** Seconds that times are ahead of this machine's clock. */
  readonly #ahead: number;

  /**
   * Opens a new one, which sorts after all others of its folder, as TensorBoard reads them, and whose times are after theirs:
   * the clock may be behind that of whoever wrote them.
   * @param firstStep what other files of this folder say of this step and later ones does not count
   * @throws the system's error
   */
  constructor(folder: string, firstStep: number) {
    const now = Date.now() / 1_000;
    const begin = Math.max(now, beginAfter(folder));
    this.#ahead = begin - now;
    this.path = join(folder, `events.out.tfevents.${Math.floor(begin)}.${hostname()}.${process.pid}`);
    this.#file = openSync(this.path, 'a');
    this.#add({ fileVersion: 'brain.Event:2' }, 0);
    this.#add({ sessionLog: { status: 'START' } }, firstStep);
    this.flush();
  }

  scalars(step: number, values: Readonly<Record<string, number>>): void {
    this.#summary(
      step,
      Object.entries(values).map(([tag, simpleValue]) => ({ tag, simpleValue })),
    );
  }

  histograms(step: number, values: Readonly<Record<string, Float32Array>>): void {
    const found = Object.entries(values).flatMap(([tag, array]) => {
      const histo = histogramOf(array);
      return histo ? [{ tag, histo }] : [];
    });
    this.#summary(step, found);
  }

  /** For TensorBoard's table of runs. */
  hyperparameters(values: Readonly<Record<string, string | number | boolean>>): void {
    const hparams = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, hyperparameter(value)]));
    const content = encodeMessage('HParamsPluginData', { sessionStartInfo: { hparams, startTimeSecs: Date.now() / 1_000 } });
    const metadata = { pluginData: { pluginName: 'hparams', content } };
    // The plugin wants a tensor, whatever is in it: one of float32 without dimensions.
    this.#summary(0, [{ tag: '_hparams_/session_start_info', metadata, tensor: { dtype: 1, tensorShape: {} } }]);
  }

  flush(): void {
    const records = this.#waiting.splice(0).map((event) => record(encodeMessage('Event', event)));
    if (records.length > 0) writeSync(this.#file, Buffer.concat(records));
    this.#flushedAt = performance.now();
  }

  close(): void {
    try {
      this.flush();
    } finally {
      closeSync(this.#file);
    }
  }

  #summary(step: number, value: readonly Value[]): void {
    if (value.length > 0) this.#add({ summary: { value } }, step);
    if (this.#waiting.length >= flushCount || performance.now() - this.#flushedAt >= flushInterval) this.flush();
  }

  #add(what: Value, step: number): void {
    this.#waiting.push({ wallTime: Date.now() / 1_000 + this.#ahead, step, ...what });
  }
}

/** The first second, since 1970, after those that event files of a folder are named by or were last written in; 0 without any. */
function beginAfter(folder: string): number {
  const seconds = readdirSync(folder).flatMap((name) => {
    const [, begun] = /^events\.out\.tfevents\.(\d+)\./.exec(name) ?? [];
    const written = statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
    return begun === undefined ? [] : [Number(begun), Math.floor(written / 1_000)];
  });
  return Math.max(-1, ...seconds) + 1;
}

function hyperparameter(value: string | number | boolean): Value {
  switch (typeof value) {
    case 'number':
      return { numberValue: value };
    case 'boolean':
      return { boolValue: value };
    default:
      return { stringValue: value };
  }
}
