import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface LocalWorkersOptions {
  readonly count: number;
  /** Where the coordinator listens. */
  readonly address: string;
  /** The file that a worker's output goes to. */
  readonly logFile: (slot: number) => string;
  /** A worker's process has ended; `reason` is a clause such as "was killed by SIGKILL". */
  readonly onEnd: (slot: number, reason: string) => void;
}

/** Milliseconds that workers have to leave by themselves. */
const leaveTimeout = 5_000;

/**
 * The worker processes that a coordinator starts on its own machine, each in a process group of its own: a Ctrl-C
 * reaches the coordinator only. They leave when told to, and when the pipe to their standard input closes, which it
 * does whatever the coordinator dies of.
 */
export class LocalWorkers {
  readonly #running = new Map<number, ChildProcess>();
  readonly #options: LocalWorkersOptions;
  #isClosing = false;

  constructor(options: LocalWorkersOptions) {
    this.#options = options;
    for (let slot = 0; slot < options.count; slot++) this.#start(slot);
  }

  get running(): number {
    return this.#running.size;
  }

  /** Waits until all have left; ends by force those that do not. */
  async close(): Promise<void> {
    this.#isClosing = true;
    const children = [...this.#running.values()];
    const timer = setTimeout(() => {
      for (const child of children) child.kill('SIGKILL');
    }, leaveTimeout);
    for (const child of children) child.stdin?.end();
    await Promise.all(children.map((child) => ended(child)));
    clearTimeout(timer);
  }

  #start(slot: number): void {
    const log = this.#options.logFile(slot);
    const output = openSync(log, 'a');
    const cli = fileURLToPath(import.meta.resolve('#cli'));
    const args = [cli, 'worker', '--connect', this.#options.address, '--slot', String(slot), '--leave-with-stdin'];
    const child = spawn(process.execPath, args, { stdio: ['pipe', output, output], detached: true });
    closeSync(output);
    this.#running.set(slot, child);
    // Writing to a worker that has just died is no error of ours.
    child.stdin?.on('error', () => undefined);
    const end = (reason: string): void => {
      if (!this.#running.delete(slot) || this.#isClosing) return;
      this.#options.onEnd(slot, `${reason}${lastLines(log)}`);
    };
    child.once('error', (error) => end(`could not be started (${error.message})`));
    child.once('exit', (code, signal) => end(signal === null ? `ended with exit code ${code}` : `was killed by ${signal}`));
  }
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

/** The end of a log, for a message. */
function lastLines(path: string): string {
  const lines = readFileSync(path, 'utf8').trim().split('\n').slice(-5);
  return lines.join('') === '' ? '' : `; its last words: ${lines.join(' | ')}`;
}
