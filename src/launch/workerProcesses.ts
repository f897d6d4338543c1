import { readFileSync } from 'node:fs';
import { AwakeTimer } from '../shared/system/awakeTimer.js';
import { groupLimits } from '../shared/system/controlGroup.js';
import type { Launcher, WorkerProcess } from './launcher.js';

export interface WorkerProcessesOptions {
  /** One for each worker. */
  readonly launchers: readonly Launcher[];
  /** The file that a worker's output goes to. */
  readonly logFile: (slot: number) => string;
  /** How often one worker is started again before it is given up. */
  readonly maxRestarts: number;
  /** A worker's process has ended; `place` is such as "pid 7 on node1", `loss` is a clause such as "was killed by SIGKILL; starting it again in 0.5 s". */
  readonly ended: (slot: number, place: string, loss: string) => void;
}

/** Milliseconds that workers have to leave by themselves. */
const leaveTimeout = 5_000;
/** Milliseconds before a first restart; every further one waits twice as long. */
const firstPause = 250;
/** A worker that lived for so many milliseconds has not died at once: its restarts are forgiven. */
const longLife = 60_000;

interface Slot {
  readonly launcher: Launcher;
  child: WorkerProcess | undefined;
  startedAt: number;
  restarts: number;
  pause: NodeJS.Timeout | undefined;
  isGivenUp: boolean;
}

/**
 * The worker processes that a coordinator starts, each in a process group of its own: a Ctrl-C reaches the coordinator
 * only. One that dies is started again, after growing pauses. They leave when told to, and when the pipe to their standard
 * input closes, which it does whatever the coordinator dies of.
 */
export class WorkerProcesses {
  readonly #slots: Slot[];
  readonly #options: WorkerProcessesOptions;
  #isClosing = false;

  constructor(options: WorkerProcessesOptions) {
    this.#options = options;
    this.#slots = options.launchers.map((launcher) => ({
      launcher,
      child: undefined,
      startedAt: 0,
      restarts: 0,
      pause: undefined,
      isGivenUp: false,
    }));
  }

  /** Starts all of them. */
  start(): void {
    for (const [number, slot] of this.#slots.entries()) {
      if (slot.launcher.delay === 0) this.#start(number, slot);
      else slot.pause = setTimeout(() => this.#start(number, slot), slot.launcher.delay);
    }
  }

  /** Workers that run or will be started again. */
  get alive(): number {
    return this.#slots.filter(({ isGivenUp }) => !isGivenUp).length;
  }

  /** Ends a worker's process, which is then started again unless `isFinal`: for one that hangs, or that was sent away. */
  end(number: number, isFinal: boolean): void {
    const slot = this.#slots[number];
    if (!slot) return;
    if (isFinal) slot.isGivenUp = true;
    if (slot.child) slot.launcher.end(slot.child);
  }

  /** None is started again from now on. */
  retire(): void {
    this.#isClosing = true;
    for (const { pause } of this.#slots) clearTimeout(pause);
  }

  /** Waits until all have left; ends by force those that do not. */
  async close(): Promise<void> {
    this.retire();
    const running = this.#slots.flatMap(({ child, launcher }) => (child ? [{ child, launcher }] : []));
    const timer = new AwakeTimer(() => {
      for (const { child, launcher } of running) launcher.end(child);
    }, leaveTimeout);
    for (const { child } of running) child.stdin?.end();
    await Promise.all(running.map(({ child }) => ended(child)));
    timer.clear();
  }

  #start(number: number, slot: Slot): void {
    const child = slot.launcher.start(number, this.#options.logFile(number));
    slot.child = child;
    slot.startedAt = performance.now();
    const killsBefore = groupLimits().outOfMemoryKills;
    // Writing to a worker that has just died is no error of ours.
    child.stdin?.on('error', () => undefined);
    const end = (reason: string): void => {
      if (slot.child !== child) return;
      slot.child = undefined;
      // What it has started may be there still.
      slot.launcher.end(child);
      if (!this.#isClosing) this.#restart(number, slot, child.pid ?? 0, reason);
    };
    child.once('error', (error) => end(`could not be started (${error.message})`));
    // Not before all that it has said has come.
    child.once('close', (code, signal) => end(howEnded(code, signal, groupLimits().outOfMemoryKills - killsBefore)));
  }

  #restart(number: number, slot: Slot, pid: number, reason: string): void {
    const { maxRestarts, logFile } = this.#options;
    const place = slot.launcher.place(pid);
    if (performance.now() - slot.startedAt >= longLife) slot.restarts = 0;
    if (slot.isGivenUp || slot.restarts >= maxRestarts) {
      slot.isGivenUp = true;
      const again = slot.restarts === 0 ? '' : ` after ${slot.restarts} restarts`;
      this.#options.ended(number, place, `${reason}; given up${again}${lastLines(logFile(number))}`);
      return;
    }
    const pause = firstPause * 2 ** slot.restarts++;
    slot.pause = setTimeout(() => this.#start(number, slot), pause + slot.launcher.delay);
    this.#options.ended(number, place, `${reason}; starting it again in ${pause / 1_000} s`);
  }
}

/**
 * How a process has ended, as a clause.
 * @param kills processes of its control group that were killed meanwhile because the group's memory was used up
 */
export function howEnded(code: number | null, signal: string | null, kills: number): string {
  if (signal === null) return `ended with exit code ${code}`;
  if (signal !== 'SIGKILL' || kills <= 0) return `was killed by ${signal}`;
  return `was killed because its control group ran out of memory (${signal}); use fewer workers, or a memoryLimit, beyond which data are read from their files`;
}

function ended(child: WorkerProcess): Promise<void> {
  return new Promise((resolve) => child.once('close', () => resolve()));
}

/** The end of a log, for a message. */
function lastLines(path: string): string {
  const lines = readFileSync(path, 'utf8').trim().split('\n').slice(-5);
  return lines.join('') === '' ? '' : `; its last words: ${lines.join(' | ')}`;
}
