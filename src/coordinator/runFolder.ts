import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readdirSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryMark, writeDurably } from '../shared/durableFile.js';
import { errorCode, errorMessage, RunError, UsageError } from '../shared/errors.js';
import { jsonLine } from '../shared/json.js';
import { type Checkpoint, encodeCheckpoint } from './checkpoint.js';
import { lockRun, unlockRun } from './runLock.js';

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
  /** One line for a person about what cannot be written. */
  readonly say: (line: string) => void;
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
  readonly #say: (line: string) => void;
  /** What cannot be written at present, and why. */
  readonly #troubles = new Map<string, string>();

  private constructor(path: string, keep: number, say: (line: string) => void) {
    this.#say = say;
    this.path = path;
    this.#keep = keep;
    this.#metrics = openSync(join(path, 'metrics.jsonl'), 'a');
    this.#bytes = fstatSync(this.#metrics).size;
  }

  /**
   * Makes the folder of a new run.
   * @throws UsageError where it is there already, or cannot be made
   */
  static async create({ runs, name, fallbackName, now, keep, say }: RunFolderOptions): Promise<RunFolder> {
    const path = name === undefined ? freePath(runs, `${fallbackName}-${timeStamp(now)}`) : join(runs, name);
    if (existsSync(path)) throw new UsageError(`${path}: this run exists already; choose another name, or leave it out`);
    try {
      mkdirSync(join(path, 'checkpoints'), { recursive: true });
      mkdirSync(join(path, 'log'), { recursive: true });
    } catch (error) {
      throw new UsageError(`${path}: cannot make the run's folder (${errorCode(error) || errorMessage(error)})`);
    }
    await lockRun(path);
    return new RunFolder(path, keep, say);
  }

  /**
   * Opens the folder of a run to go on with.
   * @param metricsBytes what metrics.jsonl held at the checkpoint; what came after it is cut off
   * @throws UsageError where it is being trained
   */
  static async reopen(path: string, metricsBytes: number, { keep, say }: Pick<RunFolderOptions, 'keep' | 'say'>): Promise<RunFolder> {
    mkdirSync(join(path, 'checkpoints'), { recursive: true });
    mkdirSync(join(path, 'log'), { recursive: true });
    await lockRun(path);
    sweep(path);
    const metrics = join(path, 'metrics.jsonl');
    if (existsSync(metrics) && statSync(metrics).size > metricsBytes) truncateSync(metrics, metricsBytes);
    return new RunFolder(path, keep, say);
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

  /** Writes what waits. Where the disk is full it goes on waiting, and the trouble is told once. */
  flush(): void {
    this.#flushedAt = performance.now();
    if (this.#waiting.length === 0) return;
    const bytes = Buffer.from(this.#waiting);
    let written = 0;
    let trouble: unknown;
    try {
      while (written < bytes.byteLength) written += writeSync(this.#metrics, bytes, written);
    } catch (error) {
      trouble = error;
    }
    this.#bytes += written;
    this.#waiting = bytes.toString('utf8', written);
    // What is said of it may be logged here in turn.
    this.#trouble('metrics.jsonl', trouble);
  }

  /** Starts to save a checkpoint, and returns while it is written; removes the oldest afterwards. */
  async saveCheckpoint(checkpoint: Omit<Checkpoint, 'metricsBytes'>): Promise<void> {
    this.flush();
    // A checkpoint vouches for the metrics of all its steps; one ahead of them would leave a gap after a resume.
    if (this.#waiting !== '') return;
    const parts = encodeCheckpoint({ ...checkpoint, metricsBytes: this.#bytes });
    const before = this.#writing;
    this.#writing = before.then(() => this.attempt('checkpoints', () => this.#writeCheckpoint(checkpoint.progress.step, parts)));
    // Snapshots must not pile up: at most one is written while another waits.
    await before;
  }

  /** Writes something that training can go on without; where it cannot be written, that is told once. */
  async attempt(what: string, write: () => Promise<void>): Promise<void> {
    try {
      await write();
      this.#trouble(what, undefined);
    } catch (error) {
      this.#trouble(what, error);
    }
  }

  async #writeCheckpoint(step: number, parts: readonly Uint8Array[]): Promise<void> {
    await writeDurably(this.file('checkpoints', `step-${String(step).padStart(9, '0')}.checkpoint`), parts);
    const names = (await readdir(this.file('checkpoints'))).filter((file) => file.endsWith('.checkpoint')).sort();
    for (const old of names.slice(0, Math.max(0, names.length - this.#keep))) await rm(this.file('checkpoints', old), { force: true });
  }

  #trouble(what: string, error: unknown): void {
    const isNew = error !== undefined && !this.#troubles.has(what);
    const isOver = error === undefined && this.#troubles.delete(what);
    if (error !== undefined) this.#troubles.set(what, errorMessage(error));
    if (isNew) this.#say(`${this.file(what)} cannot be written (${errorMessage(error)}); training goes on`);
    if (isOver) this.#say(`${this.file(what)} can be written again`);
  }

  /** Waits for what is still being written. @throws RunError where something could not be, to the last */
  async close(): Promise<void> {
    await this.#writing;
    this.flush();
    closeSync(this.#metrics);
    unlockRun(this.path);
    const [trouble] = this.#troubles;
    if (trouble) throw new RunError(`${this.file(trouble[0])} could not be written: ${trouble[1]}`);
  }

  /** Removes the folder of a run that never began. */
  async discard(): Promise<void> {
    closeSync(this.#metrics);
    await rm(this.path, { recursive: true, force: true });
  }
}

/** Removes what a kill in the middle of a write has left. */
function sweep(path: string): void {
  for (const name of readdirSync(path, { recursive: true, encoding: 'utf8' })) {
    if (name.includes(temporaryMark)) rmSync(join(path, name), { force: true });
  }
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
