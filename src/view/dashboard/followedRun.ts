import { readFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { parse } from 'yaml';
import { parseConfig } from '../../shared/config/parse.js';
import type { Config } from '../../shared/config/schema.js';
import { errorCode } from '../../shared/errors.js';
import { imageShape } from '../../shared/model/image.js';
import { type RunStatus, statusName } from '../../shared/runStatus.js';
import type { RunChange, RunEvent, RunSnapshot, StepSeries, Value } from './api.js';
import { layersOf } from './layers.js';
import { LineReader } from './lineReader.js';
import { stepClock } from './stepClock.js';
import { mostPoints, StepColumns } from './stepColumns.js';

type Line = Readonly<Record<string, unknown>>;
type Pace = RunSnapshot['pace'][number];

/** A run's folder as it is now, and as it becomes while it is looked at. Nothing is ever written there. */
export class FollowedRun {
  readonly id: string;
  readonly path: string;
  readonly #lines: LineReader;
  #generation = 0;
  #steps = new StepColumns();
  #epochs: Readonly<Record<string, Value>>[] = [];
  #events: RunEvent[] = [];
  #pace: Pace[] = [];
  #status: RunStatus | null = null;
  #summary: Line | null = null;
  #config: Config | undefined;
  #refreshing: Promise<void> | undefined;

  constructor(id: string, path: string) {
    this.id = id;
    this.path = path;
    this.#lines = new LineReader(join(path, 'metrics.jsonl'));
  }

  get name(): string {
    return basename(this.path);
  }

  get status(): RunStatus | null {
    return this.#status;
  }

  get config(): Config | undefined {
    return this.#config;
  }

  get steps(): StepColumns {
    return this.#steps;
  }

  get lastEpoch(): Readonly<Record<string, Value>> | undefined {
    return this.#epochs.at(-1);
  }

  /** Reads what has been written since. Whoever asks meanwhile waits for the same. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#read().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #read(): Promise<void> {
    const status = (await readJson(join(this.path, statusName))) as RunStatus | null;
    // A run that is gone on with has cut its metrics to its checkpoint, and may have made them long again.
    const isAnother = this.#status !== null && status !== null && status.startedAt !== this.#status.startedAt;
    if (isAnother || (await this.#lines.isCut())) this.#beginAgain();
    this.#config ??= await readConfig(join(this.path, 'config.yaml'));
    await this.#lines.read((line) => this.#take(line));
    this.#status = status;
    this.#summary = (await readJson(join(this.path, 'summary.json'))) as Line | null;
  }

  #beginAgain(): void {
    this.#generation++;
    this.#lines.reset();
    this.#steps = new StepColumns();
    [this.#epochs, this.#events, this.#pace] = [[], [], []];
    this.#config = undefined;
  }

  /** A line that a full disk has cut is passed over: whoever trains has said so. */
  #take(text: string): void {
    let parsed: Line;
    try {
      parsed = JSON.parse(text);
    } catch {
      return;
    }
    const { kind, ...line } = parsed;
    switch (kind) {
      case 'step': {
        const { epoch, step, samples, skipped, ...figures } = line;
        this.#steps.add(Number(samples), figures);
        break;
      }
      case 'epoch':
        this.#epochs.push({ ...figuresOf(line), steps: this.#steps.count });
        break;
      case 'pace':
        this.#pace.push({ time: Number(line['time']), step: Number(line['step']), samplesPerSecond: finite(line['samplesPerSecond']) });
        break;
      case 'worker':
        this.#event(line, line['event'] === 'ready' ? 'ready' : 'left', `${line['worker']} ${line['line']}`);
        break;
      case 'notice':
        this.#event(line, 'notice', String(line['line']));
        break;
    }
  }

  #event({ time }: Line, kind: RunEvent['kind'], line: string): void {
    this.#events.push({ time: typeof time === 'number' ? time : null, kind, line });
  }

  change(): RunChange {
    const [steps, epochs, events] = [this.#steps.count, this.#epochs.length, this.#events.length];
    return { id: this.id, generation: this.#generation, steps, epochs, events, isOver: this.#summary !== null, status: this.#status };
  }

  snapshot(): RunSnapshot {
    const { id, name } = this;
    return {
      ...{ id, name, path: relativeIfInside(this.path), status: this.#status, summary: this.#summary },
      ...{ epochs: this.#epochs, events: this.#events, pace: this.#pace },
      layers: this.#config ? layersOf(this.#config.model) : [],
      figures: this.#steps.names.filter((column) => column !== 'learningRate' && column !== 'noiseScale'),
      hasImages:
        this.#config !== undefined && imageShape(this.#config.model.inputShape) !== undefined && this.#config.loss.endsWith('Crossentropy'),
    };
  }

  /** The steps [from, to), of which a point takes so many that the answer stays small. */
  series(from: number, to: number, stride: number): StepSeries {
    const enough = Math.max(stride, Math.ceil((Math.min(to, this.#steps.count) - from) / mostPoints));
    return this.#steps.series(from, to, enough, this.#clock());
  }

  /** Seconds from the run's first event to a step, by the clock. */
  #clock(): ((step: number) => number) | undefined {
    const [first] = this.#pace;
    if (!first) return undefined;
    const times = this.#events.flatMap(({ time }) => time ?? []);
    const start = Math.min(first.time, ...times);
    const readyAt = this.#events.findLast(({ kind, time }) => kind === 'ready' && time !== null && time <= first.time)?.time;
    const clock = stepClock([{ step: 0, time: readyAt ?? start }, ...this.#pace]);
    return clock && ((step) => (clock(step) - start) / 1_000);
  }
}

/** As its user would write it: from the working directory on, where it is in there. */
function relativeIfInside(path: string): string {
  const short = relative(process.cwd(), path);
  return short === '' || short.startsWith('..') ? path : short;
}

function figuresOf(line: Line): Readonly<Record<string, Value>> {
  return Object.fromEntries(Object.entries(line).map(([name, value]) => [name, finite(value)]));
}

function finite(value: unknown): Value {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

async function readJson(path: string): Promise<unknown> {
  const text = await readIfThere(path);
  return text === undefined ? null : JSON.parse(text);
}

/** A config is written before the engine is known, and again once it is; a half of it is none. */
async function readConfig(path: string): Promise<Config | undefined> {
  const text = await readIfThere(path);
  try {
    return text === undefined ? undefined : parseConfig(parse(text), path, { cores: 1 });
  } catch {
    return undefined;
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
