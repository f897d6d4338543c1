import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { temporaryMark, writeDurably } from '../shared/files/durableFile.js';
import type { ProcessLock } from '../shared/files/processLock.js';
import { errorCode, errorMessage, RunError, UsageError } from '../shared/text/errors.js';
import { jsonLine } from '../shared/text/json.js';
import { type Checkpoint, encodeCheckpoint } from './checkpoint.js';
import { MetricsFile, restoreMetrics } from './metricsFile.js';
import { lockRun, trainerOf } from './runLock.js';

const configName = 'config.yaml';
const metricsName = 'metrics.jsonl';

/** Milliseconds between two looks at whether the folder is still this run's. */
const watchInterval = 1_000;

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
  /** Absolute: the working directory may go while the run trains. */
  readonly path: string;
  /** Its path for a person, as it was named. */
  readonly shown: string;
  readonly #keep: number;
  readonly #metrics: MetricsFile;
  readonly #lock: ProcessLock;
  #watching: NodeJS.Timeout | undefined;
  /** The folder is another's, or gone: nothing is written any more. */
  #isLost = false;
  #writing: Promise<void> = Promise.resolve();
  readonly #say: (line: string) => void;
  /** What cannot be written at present, and why. */
  readonly #troubles = new Map<string, string>();

  private constructor(shown: string, lock: ProcessLock, keep: number, say: (line: string) => void) {
    this.#say = say;
    this.shown = shown;
    this.path = resolve(shown);
    this.#lock = lock;
    this.#keep = keep;
    this.#metrics = new MetricsFile(this.file(metricsName), (trouble) => this.#trouble(metricsName, trouble));
  }

  /**
   * Makes the folder of a new run.
   * @throws UsageError if it exists already, or cannot be made
   */
  static async create({ runs, name, fallbackName, now, keep, say }: RunFolderOptions): Promise<RunFolder> {
    const shown = await makeFolder(runs, name, `${fallbackName}-${timeStamp(now)}`);
    const path = resolve(shown);
    const lock = await lockRun(path);
    try {
      return written(path, () => {
        makeInner(path);
        return new RunFolder(shown, lock, keep, say);
      });
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /**
   * Opens the folder of a run to continue it.
   * @param lock of the run, which this releases in the end
   * @param metricsBytes what metrics.jsonl held at the checkpoint; what came after it is cut off
   * @throws UsageError if it cannot be written
   */
  static reopen(shown: string, lock: ProcessLock, metricsBytes: number, { keep, say }: Pick<RunFolderOptions, 'keep' | 'say'>): RunFolder {
    const path = resolve(shown);
    return written(path, () => {
      makeInner(path);
      sweep(path);
      const lost = restoreMetrics(join(path, metricsName), metricsBytes);
      if (lost !== undefined) say(lost);
      return new RunFolder(shown, lock, keep, say);
    });
  }

  file(...names: readonly string[]): string {
    return join(this.path, ...names);
  }

  /** Makes a folder in the run's own, which itself is never made again: it may have been removed. @returns its path */
  async folder(...names: readonly string[]): Promise<string> {
    let path = this.path;
    for (const name of names) {
      path = join(path, name);
      await mkdir(path).catch((error: unknown) => {
        if (errorCode(error) !== 'EEXIST') throw error;
      });
    }
    return path;
  }

  async writeConfig(yaml: string): Promise<void> {
    await writeFile(this.file(configName), yaml);
  }

  async writeSummary(summary: object): Promise<void> {
    await writeDurably(this.file('summary.json'), [Buffer.from(`${JSON.stringify(JSON.parse(jsonLine(summary)), undefined, 2)}\n`)]);
  }

  /** Adds a line to metrics.jsonl. */
  log(entry: object): void {
    if (!this.#isLost) this.#metrics.add(entry);
  }

  /**
   * Tells once if the folder is removed, or another process takes the run over because it believes this one dead (one that
   * was asleep for long, on another machine). From then on nothing is written.
   */
  watch(onLost: (reason: string) => void): void {
    this.#watching = setInterval(() => {
      const reason = this.#lossOf();
      if (reason === undefined) return;
      clearInterval(this.#watching);
      this.#isLost = true;
      onLost(reason);
    }, watchInterval).unref();
  }

  #lossOf(): string | undefined {
    try {
      if (!existsSync(this.file(configName)))
        return `${this.path}: the run's folder is gone: it was removed or renamed while the run trained`;
      return this.#lock.keep() ? undefined : `${this.path}: another process has taken over this run; see ${this.#lock.file}`;
    } catch {
      // Nothing can be seen now, as on a network disk that is away for a while.
      return undefined;
    }
  }

  /** Starts to save a checkpoint, and returns while it is written; removes the oldest afterwards. */
  async saveCheckpoint(checkpoint: Omit<Checkpoint, 'metricsBytes'>): Promise<void> {
    // A checkpoint vouches for the metrics of all its steps; one ahead of them would leave a gap after a resume.
    if (this.#isLost || !this.#metrics.flush()) return;
    const parts = encodeCheckpoint({ ...checkpoint, metricsBytes: this.#metrics.bytes });
    const before = this.#writing;
    this.#writing = before.then(async () => {
      await this.attempt(metricsName, () => this.#metrics.sync());
      if (!this.#troubles.has(metricsName)) await this.attempt('checkpoints', () => this.#writeCheckpoint(checkpoint.progress.step, parts));
    });
    // Snapshots must not pile up: at most one is written while another waits.
    await before;
  }

  /** Writes something that training can go on without; where it cannot be written, that is told once. */
  async attempt(what: string, write: () => Promise<void>): Promise<void> {
    if (this.#isLost) return;
    try {
      await write();
      this.#trouble(what, undefined);
    } catch (error) {
      this.#trouble(what, error);
    }
  }

  async #writeCheckpoint(step: number, parts: readonly Uint8Array[]): Promise<void> {
    const written = `step-${String(step).padStart(9, '0')}.checkpoint`;
    await writeDurably(this.file('checkpoints', written), parts);
    // Later ones are damaged or another run's: they must not push out those that can be used.
    const isOwn = (file: string): boolean => file.endsWith('.checkpoint') && file <= written;
    const names = (await readdir(this.file('checkpoints'))).filter(isOwn).sort();
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
    if (!this.#isLost) this.#metrics.flush();
    this.#end();
    const [trouble] = this.#troubles;
    if (trouble && !this.#isLost) throw new RunError(`${this.file(trouble[0])} could not be written: ${trouble[1]}`);
  }

  /** Removes the folder of a run that never began. */
  async discard(): Promise<void> {
    if (!this.#isLost) await rm(this.path, { recursive: true, force: true });
    this.#end();
  }

  #end(): void {
    clearInterval(this.#watching);
    this.#metrics.close();
    this.#lock.release();
  }
}

/**
 * Makes a folder that nobody has, in one atomic step.
 * @param name that the user gave, which must be free
 * @param fallback name for when the user gave none; a number is added until it is free
 */
async function makeFolder(runs: string, name: string | undefined, fallback: string): Promise<string> {
  for (let i = 1; ; i++) {
    const shown = join(runs, name ?? (i === 1 ? fallback : `${fallback}-${i}`));
    const path = resolve(shown);
    try {
      mkdirSync(dirname(path), { recursive: true });
      mkdirSync(path);
      return shown;
    } catch (error) {
      if (errorCode(error) !== 'EEXIST')
        throw new UsageError(`${shown}: cannot make the run's folder (${errorCode(error) || errorMessage(error)})`);
      if (name === undefined) continue;
      const trainer = await trainerOfNew(path);
      throw new UsageError(
        `${shown}: this run exists already${trainer === undefined ? '' : `, and is being trained by ${trainer}`}; choose another name, or leave it out${trainer === undefined ? '' : ' (srun starts one training for each task: bpnn-dist slurm trains one run on all of them)'}`,
      );
    }
  }
}

/** Milliseconds that a run's folder may be without its lock and config, while another process makes it. */
const makingTime = 1_000;

async function trainerOfNew(path: string): Promise<string | undefined> {
  const until = performance.now() + makingTime;
  const isBeingMade = (): boolean => readdirSync(path).length === 0;
  while (performance.now() < until && trainerOf(path) === undefined && isBeingMade()) await pause(makingTime / 20);
  return trainerOf(path);
}

function makeInner(path: string): void {
  for (const name of ['checkpoints', 'log']) mkdirSync(join(path, name), { recursive: true });
}

/** Opens what a run writes. @throws UsageError naming what cannot be written */
function written<T>(path: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    const { path: place = path } = error instanceof Error && 'path' in error ? (error as NodeJS.ErrnoException) : {};
    throw new UsageError(`${place}: cannot be written (${errorCode(error) || errorMessage(error)})`);
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
