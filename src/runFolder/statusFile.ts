import { rename, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { Member } from '../coordinator/members/roster.js';
import type { Observer } from '../coordinator/training/ports.js';
import { globalBatch, type TrainingPlan } from '../coordinator/training/trainingPlan.js';
import { temporaryMark } from '../shared/files/durableFile.js';
import { version } from '../shared/system/version.js';
import type { RunFolder } from './runFolder.js';
import { type RunStatus, statusName } from './runStatus.js';
import { WorkerHistory } from './workerHistory.js';

/** Milliseconds between two looks at how far the run is. */
const interval = 1_000;
/** The older a run, the rarer its lines of pace: about so many until it is ten times as old as when they became rarer. */
const paceLines = 600;

/**
 * Writes what a run is doing into its folder for whoever watches, in this process or another: status.json, and into
 * metrics.jsonl now and then when which step was done.
 */
export class StatusFile {
  readonly #folder: RunFolder;
  readonly #plan: TrainingPlan;
  readonly #present: () => readonly Member[];
  readonly #history = new WorkerHistory();
  readonly #startedAt = Date.now();
  readonly #timer: NodeJS.Timeout;
  #state: RunStatus['state'] = 'waiting';
  #reason: string | null = null;
  #trainingSince: number | undefined;
  #step: number;
  #epoch: number;
  #samples = 0;
  /** When the last step was done, by the monotonic clock. */
  #steppedAt = performance.now();
  /** Samples, and when the last step was done, a look ago. */
  #seen = { samples: 0, at: performance.now() };
  #samplesPerSecond = 0;
  #pacedAt = Number.NEGATIVE_INFINITY;
  #writing: Promise<void> | undefined;
  #isStale = false;

  /** @param present everyone that is connected */
  constructor(folder: RunFolder, plan: TrainingPlan, step: number, present: () => readonly Member[]) {
    this.#folder = folder;
    this.#plan = plan;
    this.#present = present;
    this.#step = step;
    this.#epoch = Math.floor(step / plan.stepsPerEpoch);
    this.#timer = setInterval(() => this.#tick(), interval).unref();
    this.write();
  }

  /** The first step begins, or goes on after workers were waited for. */
  trains(): void {
    this.#trainingSince ??= performance.now();
    this.#seen = { samples: this.#samples, at: performance.now() };
    this.#state = 'training';
    this.write();
  }

  /** More workers are waited for. */
  waits(): void {
    this.#state = 'waiting';
    this.write();
  }

  left(member: Member, reason: string): void {
    this.#history.left(member, reason, this.#trainingSince, performance.now());
    this.write();
  }

  /** An observer that hears of what this needs to know, and tells another. */
  watching(other: Observer): Observer {
    return {
      onStep: (figures) => {
        this.#step++;
        this.#samples += figures.samples;
        this.#steppedAt = performance.now();
        other.onStep?.(figures);
      },
      onEpoch: (figures) => {
        this.#epoch++;
        other.onEpoch?.(figures);
      },
    };
  }

  /** The run is over. */
  async end(state: 'ended' | 'stopped' | 'failed', reason: string): Promise<void> {
    clearInterval(this.#timer);
    this.#state = state;
    this.#reason = reason;
    this.#look();
    this.write();
    await this.#writing;
  }

  /** Writes it soon: at once, or when what is being written is. */
  write(): void {
    if (this.#writing) {
      this.#isStale = true;
      return;
    }
    this.#isStale = false;
    const text = `${JSON.stringify(this.#status())}\n`;
    const path = this.#folder.file(statusName);
    const temporary = `${path}${temporaryMark}${process.pid}`;
    this.#writing = this.#folder
      .attempt(statusName, async () => {
        await writeFile(temporary, text);
        await rename(temporary, path);
      })
      .then(() => {
        this.#writing = undefined;
        if (this.#isStale) this.write();
        return this.#writing;
      });
  }

  #tick(): void {
    this.#look();
    this.write();
  }

  /** How fast is it? From one last step to another, since a step may take longer than a look. */
  #look(): void {
    const { samples, at } = this.#seen;
    if (this.#samples === samples) return;
    const now = this.#steppedAt;
    this.#samplesPerSecond = ((this.#samples - samples) / Math.max(now - at, 1e-3)) * 1_000;
    this.#seen = { samples: this.#samples, at: now };
    if (now - this.#pacedAt < Math.max(interval / 2, (now - (this.#trainingSince ?? now)) / paceLines)) return;
    this.#pacedAt = now;
    this.#folder.log({
      kind: 'pace',
      time: Math.round(performance.timeOrigin + now),
      step: this.#step,
      samplesPerSecond: this.#samplesPerSecond,
    });
  }

  #status(): RunStatus {
    const { config, network, stepsPerEpoch, totalSteps } = this.#plan;
    return {
      version,
      state: this.#state,
      reason: this.#reason,
      time: Date.now(),
      startedAt: this.#startedAt,
      host: hostname(),
      pid: process.pid,
      step: this.#step,
      totalSteps,
      epoch: this.#epoch,
      epochs: config.epochs ?? null,
      stepsPerEpoch,
      samplesPerSecond: this.#state === 'training' ? this.#samplesPerSecond : 0,
      globalBatch: globalBatch(this.#plan),
      shards: config.shards,
      parameters: network.layout.size,
      workers: this.#history.status(this.#present(), this.#trainingSince, performance.now()),
    };
  }
}
