import { closeSync, existsSync, fstatSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '../shared/durableFile.js';
import { errorCode, errorMessage, RunError, UsageError } from '../shared/errors.js';
import { jsonLine } from '../shared/json.js';
import { type Checkpoint, encodeCheckpoint } from './checkpoint.js';

/** Bytes of metrics that may wait in memory, and milliseconds that they may wait. */
const flushBytes = 8_192;
const flushInterval = 250;

export interface RunFolderOptions {
  /** Folder of all runs. */
  readonly runs: string;
  /** Name that the user gave, which must be free. */
  readonly name: string | undefined;
  /** What a name is made of, with the time, where the user gave none. */
  readonly fallbackName: string;
  readonly now: Date;
  /** How many checkpoints are kept. */
  readonly keep: number;
}

/** The folder of one run, and everything that is written into it. */
export class RunFolder {
  readonly path: string;
  readonly #keep: number;
  readonly #metrics: number;
  #waiting = '';
  #flushedAt = 0;
  #bytes: number;
  #writing: Promise<void> = Promise.resolve();
  #writeError: RunError | undefined;

  private constructor(path: string, keep: number) {
    this.path = path;
    this.#keep = keep;
    this.#metrics = openSync(join(path, 'metrics.jsonl'), 'a');
    this.#bytes = fstatSync(this.#metrics).size;
  }

  /**
   * Makes the folder of a new run.
   * @throws UsageError where it is there already, or cannot be made
   */
  static create({ runs, name, fallbackName, now, keep }: RunFolderOptions): RunFolder {
    const path = name === undefined ? freePath(runs, `${fallbackName}-${timeStamp(now)}`) : join(runs, name);
    if (existsSync(path)) throw new UsageError(`${path}: this run exists already; choose another name, or leave it out`);
    try {
      mkdirSync(join(path, 'checkpoints'), { recursive: true });
      mkdirSync(join(path, 'log'), { recursive: true });
    } catch (error) {
      throw new UsageError(`${path}: cannot make the run's folder (${errorCode(error) || errorMessage(error)})`);
    }
    return new RunFolder(path, keep);
  }

  file(...names: readonly string[]): string {
    return join(this.path, ...names);
  }

  async writeConfig(yaml: string): Promise<void> {
    await writeFile(this.file('config.yaml'), yaml);
  }

  async writeSummary(summary: object): Promise<void> {
    await writeDurably(this.file('summary.json'), [Buffer.from(`${JSON.stringify(JSON.parse(jsonLine(summary)), undefined, 2)}\n`)]);
  }

  /** Adds a line to metrics.jsonl. Lines wait a little, so that a step costs no system call. */
  log(entry: object): void {
    this.#waiting += `${jsonLine(entry)}\n`;
    if (this.#waiting.length >= flushBytes || performance.now() - this.#flushedAt >= flushInterval) this.flush();
  }

  flush(): void {
    this.#flushedAt = performance.now();
    if (this.#waiting === '') return;
    const bytes = Buffer.from(this.#waiting);
    this.#waiting = '';
    try {
      writeSync(this.#metrics, bytes);
    } catch (error) {
      throw new RunError(`${this.file('metrics.jsonl')}: cannot be written (${errorMessage(error)})`);
    }
    this.#bytes += bytes.byteLength;
  }

  /**
   * Starts to save a checkpoint from a snapshot, and returns while it is written; removes the oldest afterwards.
   * @throws RunError where the one before could not be written
   */
  async saveCheckpoint(checkpoint: Omit<Checkpoint, 'metricsBytes'>): Promise<void> {
    await this.#settle();
    this.flush();
    const parts = encodeCheckpoint(snapshot({ ...checkpoint, metricsBytes: this.#bytes }));
    this.#writing = this.#writeCheckpoint(checkpoint.progress.step, parts).catch((error: unknown) => {
      this.#writeError = new RunError(`${this.file('checkpoints')}: a checkpoint cannot be written (${errorMessage(error)})`);
    });
  }

  async #writeCheckpoint(step: number, parts: readonly Uint8Array[]): Promise<void> {
    await writeDurably(this.file('checkpoints', `step-${String(step).padStart(9, '0')}.checkpoint`), parts);
    const names = (await readdir(this.file('checkpoints'))).filter((file) => file.endsWith('.checkpoint')).sort();
    for (const old of names.slice(0, Math.max(0, names.length - this.#keep))) await rm(this.file('checkpoints', old), { force: true });
  }

  async #settle(): Promise<void> {
    await this.#writing;
    if (this.#writeError) throw this.#writeError;
  }

  /** Waits for what is still being written; @throws RunError where it could not be. */
  async close(): Promise<void> {
    this.flush();
    closeSync(this.#metrics);
    await this.#settle();
  }

  /** Removes the folder of a run that never began. */
  async discard(): Promise<void> {
    closeSync(this.#metrics);
    await rm(this.path, { recursive: true, force: true });
  }
}

/** Training goes on while a checkpoint is written, so it is written from copies. */
function snapshot(checkpoint: Checkpoint): Checkpoint {
  const { weights, m, v, updates } = checkpoint.optimizer;
  return { ...checkpoint, optimizer: { weights: weights.slice(), m: m.slice(), v: v.slice(), updates } };
}

/** Local time as `20260314-150926`. */
function timeStamp(now: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  return `${date}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
}

/** Two runs may start within the same second. */
function freePath(folder: string, name: string): string {
  let path = join(folder, name);
  for (let i = 2; existsSync(path); i++) path = join(folder, `${name}-${i}`);
  return path;
}
