import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { writeDurably } from '../shared/files/durableFile.js';
import type { ProcessLock } from '../shared/files/processLock.js';
import { errorCode, RunError } from '../shared/text/errors.js';
import { jsonLine } from '../shared/text/json.js';
import { type Checkpoint, encodeCheckpoint } from './checkpoint.js';
import { writeCheckpoint } from './checkpointFiles.js';
import { makeFolder, makeInner, sweep, timeStamp, written } from './makeFolder.js';
import { MetricsFile, restoreMetrics } from './metricsFile.js';
import { lockRun } from './runLock.js';
import { Troubles } from './troubles.js';

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
  /** Why the folder is another's, or gone: nothing is written any more. */
  #lossReason: string | undefined;
  #writing: Promise<void> = Promise.resolve();
  readonly #troubles: Troubles;
  /** Is it one that training has begun in? */
  #hasBegun: boolean;

  private constructor(shown: string, lock: ProcessLock, hasBegun: boolean, { keep, say }: Pick<RunFolderOptions, 'keep' | 'say'>) {
    this.shown = shown;
    this.path = resolve(shown);
    this.#lock = lock;
    this.#keep = keep;
    this.#hasBegun = hasBegun;
    this.#troubles = new Troubles((name) => this.file(name), say);
    this.#metrics = new MetricsFile(this.file(metricsName), (trouble) => this.#troubles.note(metricsName, trouble));
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
        return new RunFolder(shown, lock, false, { keep, say });
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
      return new RunFolder(shown, lock, true, { keep, say });
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
    if (this.#lossReason === undefined) this.#metrics.add(entry);
  }

  /**
   * Tells once if the folder is removed, or another process takes the run over because it believes this one dead (one that
   * was asleep for long, on another machine). From then on nothing is written.
   */
  watch(lost: () => void): void {
    this.#watching = setInterval(() => {
      this.#lossReason = this.#lossOf();
      if (this.#lossReason === undefined) return;
      clearInterval(this.#watching);
      lost();
    }, watchInterval).unref();
  }

  /** Why it is not this run's any more, once that is so. */
  get lossReason(): string | undefined {
    return this.#lossReason;
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
    if (this.#lossReason !== undefined || !this.#metrics.flush()) return;
    const parts = encodeCheckpoint({ ...checkpoint, metricsBytes: this.#metrics.bytes });
    const before = this.#writing;
    this.#writing = before.then(async () => {
      await this.attempt(metricsName, () => this.#metrics.sync());
      if (!this.#troubles.has(metricsName))
        await this.attempt('checkpoints', () => writeCheckpoint(this.file('checkpoints'), checkpoint.progress.step, parts, this.#keep));
    });
    // Snapshots must not pile up: at most one is written while another waits.
    await before;
  }

  /** Writes something that training can go on without; where it cannot be written, that is told once. */
  async attempt(what: string, write: () => Promise<void>): Promise<void> {
    if (this.#lossReason !== undefined) return;
    try {
      await write();
      this.#troubles.note(what, undefined);
    } catch (error) {
      this.#troubles.note(what, error);
    }
  }

  /** Training begins: the folder stays, whatever comes. */
  begin(): void {
    this.#hasBegun = true;
  }

  /** Waits for what is still being written; removes a run that never began. @throws RunError where something could not be, to the last */
  async close(): Promise<void> {
    if (this.#hasBegun) {
      await this.#writing;
      if (this.#lossReason === undefined) this.#metrics.flush();
    } else if (this.#lossReason === undefined) await rm(this.path, { recursive: true, force: true });
    clearInterval(this.#watching);
    this.#metrics.close();
    this.#lock.release();
    const trouble = this.#hasBegun ? this.#troubles.first : undefined;
    if (trouble && this.#lossReason === undefined) throw new RunError(`${trouble.path} could not be written: ${trouble.reason}`);
  }
}
