import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cli, startProgram } from '../test/fixtures/cli.js';
import { type Line, metricsOf } from '../test/fixtures/runFolder.js';

/** Runs of any checkout, started as a person starts them, and what they have trained. */

export interface Trained {
  /** SHA-256 of every weight file, by its place in the run's folder. */
  readonly weights: Readonly<Record<string, string>>;
  /** Every line of a step or an epoch, without times. */
  readonly figures: readonly Line[];
  readonly steps: readonly StepLine[];
  readonly epochs: number;
}

interface StepLine {
  readonly step: number;
  readonly learningRate: number;
}

/** Milliseconds after which a process of a run is taken to hang. */
const limit = 120_000;

/** Starts processes of one checkout, whose runs, cache and temporary files are all in one folder. */
export class Trainer {
  readonly #cli: string;
  readonly #folder: string;
  readonly #living = new Set<Cli>();
  #isClosed = false;

  constructor(checkout: string, folder: string) {
    this.#cli = join(checkout, 'dist', 'cli', 'main.js');
    this.#folder = folder;
    mkdirSync(folder);
  }

  pathOf(name: string): string {
    return join(this.#folder, name);
  }

  async train(name: string, flags: readonly string[]): Promise<void> {
    await this.#up(name, flags).done();
  }

  /**
   * Interrupts the run once it has done `steps`, as Ctrl-C does.
   * @throws Error where it is over before it is interrupted
   */
  async trainUntil(name: string, steps: number, flags: readonly string[]): Promise<void> {
    const run = this.#up(name, flags);
    const over = run.ended.then(() => true);
    const path = this.pathOf(name);
    const done = (): number => (existsSync(join(path, 'metrics.jsonl')) ? metricsOf(path, 'step').length : 0);
    while (done() < steps && !(await Promise.race([over, sleep(20, false)])));
    run.kill('SIGINT');
    const { code, signal, stderr } = await run.ended;
    if (code !== 130) throw new Error(`interrupted: expected exit code 130, got ${signal ?? code}:\n${stderr}`);
  }

  async resume(name: string): Promise<void> {
    await this.#start('up', '--resume', this.pathOf(name)).done();
  }

  /** A coordinator, two aggregators below it, and four workers below these. */
  async trainTree(name: string, flags: readonly string[]): Promise<void> {
    const [key, address] = [this.pathOf(`${name}.key`), this.pathOf(`${name}.address`)];
    await this.#start('keygen', key).done();
    const joining = ['--address-file', address, '--key', key];
    const where = ['--bind', 'tcp://127.0.0.1:0', '--runs', this.#folder, '--name', name];
    const coordinator = this.#start('coordinator', ...where, ...joining, ...flags, '--workers', '4', '--topology', 'tree');
    const started = [coordinator, ...[0, 1].map(() => this.#start('aggregator', ...joining))];
    try {
      await Promise.all([0, 1].map((number) => coordinator.line(new RegExp(`^aggregator ${number} `))));
      for (let i = 0; i < 4; i++) started.push(this.#start('worker', ...joining, '--data-root', '/'));
      for (const process of started) await process.done();
    } catch (error) {
      for (const process of started) process.kill('SIGTERM');
      throw error;
    }
  }

  /** Takes a copy of another's run. */
  copy(name: string, from: Trainer): void {
    cpSync(from.pathOf(name), this.pathOf(name), { recursive: true });
  }

  trained(name: string): Trained {
    const path = this.pathOf(name);
    const files = readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('weights.bin'));
    const hash = (file: string): string =>
      createHash('sha256')
        .update(readFileSync(join(path, file)))
        .digest('hex');
    const [steps, epochs] = [metricsOf(path, 'step'), metricsOf(path, 'epoch')];
    return {
      weights: Object.fromEntries(files.sort().map((file) => [file, hash(file)])),
      figures: [...steps, ...epochs].map(({ time: _, ...figures }) => figures),
      steps: steps.map(({ step, learningRate }) => ({ step: Number(step), learningRate: Number(learningRate) })),
      epochs: epochs.length,
    };
  }

  /** Ends what is still running: first so that runs end their workers, then for certain. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const all = [...this.#living];
    for (const process of all) process.kill('SIGTERM');
    await Promise.race([Promise.all(all.map(({ ended }) => ended)), sleep(15_000, undefined, { ref: false })]);
    for (const process of this.#living) process.kill('SIGKILL');
    await Promise.all(all.map(({ ended }) => ended));
  }

  #up(name: string, flags: readonly string[]): Cli {
    return this.#start('up', '--runs', this.#folder, '--name', name, ...flags);
  }

  #start(...args: readonly string[]): Cli {
    if (this.#isClosed) throw new Error('interrupted');
    // What one has kept of the data is not for the other to read.
    const env = { TMPDIR: this.#folder, XDG_CACHE_HOME: this.pathOf('cache') };
    // Nothing is left to be torn down: `close` ends what is running.
    const cli = startProgram({ teardown: () => undefined }, [process.execPath, this.#cli, ...args], env, this.#folder);
    this.#living.add(cli);
    const hangs = setTimeout(() => cli.kill('SIGTERM'), limit);
    const over = (): void => {
      clearTimeout(hangs);
      this.#living.delete(cli);
    };
    cli.ended.then(over, over);
    return cli;
  }
}
