import { join, relative } from 'node:path';
import { parseRunConfig } from '../../runFolder/runConfig.js';
import { type RunStatus, runStatus, statusName } from '../../runFolder/runStatus.js';
import type { Config } from '../../shared/config/configSchema.js';
import { judgesImages } from '../../shared/config/judgesImages.js';
import { isMapping } from '../../shared/config/merge.js';
import { errorMessage } from '../../shared/text/errors.js';
import type { RunChange, RunEvent, RunSnapshot, StepSeries, Value } from './api.js';
import { LineReader } from './lineReader.js';
import { layersOf } from './shownLayers.js';
import { mostPoints, StepColumns } from './stepColumns.js';
import { ViewedFolder } from './viewedFolder.js';

type Line = Readonly<Record<string, unknown>>;
type Pace = RunSnapshot['pace'][number];

/** Milliseconds after which a run that writes every second has written for the last time. */
const silence = 15_000;

/** A run's folder as it is now, and as it becomes while it is looked at. Nothing is ever written there. */
export class FollowedRun {
  readonly id: string;
  readonly path: string;
  readonly #folder: ViewedFolder;
  readonly #lines: LineReader;
  #generation = 0;
  #steps = new StepColumns();
  #epochs: Readonly<Record<string, Value>>[] = [];
  #events: RunEvent[] = [];
  #pace: Pace[] = [];
  #status: RunStatus | null = null;
  #summary: Line | null = null;
  #config: Config | undefined;
  #current: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  #trouble: string | undefined;

  /** @param place that the user has named: the run's folder, or one that holds it */
  constructor(id: string, path: string, place: string = path) {
    this.id = id;
    this.path = path;
    this.#folder = new ViewedFolder(path, place);
    this.#lines = new LineReader(this.#folder, 'metrics.jsonl');
  }

  /** Why its folder cannot be read, where it cannot. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Refuses what its models may not be read of. @throws DataError for a link that leads out of it, a pipe or a device */
  async checkModels(): Promise<void> {
    await this.#folder.text('config.yaml');
    await this.#folder.checkAll('best');
    await this.#folder.checkAll('final');
  }

  get status(): RunStatus | null {
    return this.#status;
  }

  get steps(): StepColumns {
    return this.#steps;
  }

  get lastEpoch(): Readonly<Record<string, Value>> | undefined {
    return this.#epochs.at(-1);
  }

  /**
   * Reads what has been written until now. Whoever asks while that is read waits for the next reading, with all others who
   * do. What cannot be read is told as an event, and tried again.
   */
  refresh(): Promise<void> {
    this.#next ??= this.#current.then(() => {
      this.#next = undefined;
      this.#current = this.#read().then(
        () => this.#told(undefined),
        (error: unknown) => this.#told(errorMessage(error)),
      );
      return this.#current;
    });
    return this.#next;
  }

  #told(trouble: string | undefined): void {
    if (trouble !== undefined && trouble !== this.#trouble) {
      this.#events.push({ time: Date.now(), kind: 'notice', line: `its folder cannot be read: ${trouble}` });
    }
    this.#trouble = trouble;
  }

  async #read(): Promise<void> {
    const status = runStatus.safeParse(await this.#json(statusName)).data ?? null;
    // A run that is gone on with has cut its metrics to its checkpoint, and may have made them long again.
    if (this.#status && status && status.startedAt !== this.#status.startedAt) {
      this.#beginAgain();
      this.#lines.reset();
    }
    this.#config ??= configIn(await this.#folder.text('config.yaml'), this.path);
    await this.#lines.read(
      (line) => this.#take(line),
      () => this.#beginAgain(),
    );
    this.#status = status;
    const summary = await this.#json('summary.json');
    this.#summary = isMapping(summary) ? summary : null;
  }

  /** Null where there is none, or one that is no JSON. @throws as `ViewedFolder.text` */
  async #json(name: string): Promise<unknown> {
    const text = await this.#folder.text(name);
    try {
      return text === undefined ? null : JSON.parse(text);
    } catch {
      return null;
    }
  }

  /** Long after a run under way should have written its status, by the clock of this machine. */
  get isSilent(): boolean {
    const isUnderWay = this.#status?.state === 'training' || this.#status?.state === 'waiting';
    return isUnderWay && Date.now() - (this.#status?.time ?? 0) > silence;
  }

  #beginAgain(): void {
    this.#generation++;
    this.#steps = new StepColumns();
    [this.#epochs, this.#events, this.#pace] = [[], [], []];
    this.#config = undefined;
  }

  /** A line that a full disk has cut is passed over: whoever trains has said so. */
  #take(text: string): void {
    let parsed: Line | null;
    try {
      parsed = JSON.parse(text);
    } catch {
      return;
    }
    const { kind, ...line } = parsed ?? {};
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
    return {
      id: this.id,
      generation: this.#generation,
      steps,
      epochs,
      events,
      hasSummary: this.#summary !== null,
      isSilent: this.isSilent,
      status: this.#status,
    };
  }

  snapshot(): RunSnapshot {
    const { id, isSilent } = this;
    return {
      ...{ id, isSilent, path: relativeIfInside(this.path), status: this.#status, summary: this.#summary },
      ...{ epochs: this.#epochs, events: this.#events, pace: this.#pace },
      layers: this.#config ? layersOf(this.#config.model) : [],
      figures: this.#steps.names.filter((column) => column !== 'learningRate' && column !== 'noiseScale'),
      hasImages: this.#config !== undefined && judgesImages(this.#config),
    };
  }

  /** The steps [from, to), of which a point takes so many that the answer stays small. */
  series(from: number, to: number, stride: number): StepSeries {
    const enough = Math.max(stride, Math.ceil((Math.min(to, this.#steps.count) - from) / mostPoints));
    return this.#steps.series(from, to, enough);
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

/** A config is written before the engine is known, and again once it is; a half of it is none. */
function configIn(text: string | undefined, folder: string): Config | undefined {
  try {
    return text === undefined ? undefined : parseRunConfig(text, join(folder, 'config.yaml'));
  } catch {
    return undefined;
  }
}
