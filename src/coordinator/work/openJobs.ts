import type { UnitSums } from '../../shared/protocol/protocol.js';
import { awakeNow } from '../../shared/system/awakeTimer.js';
import { ProtocolError } from '../../shared/text/errors.js';
import type { Incarnation } from '../../shared/transport/transport.js';
import { Deadline, type DeadlineOptions, type Verdict } from '../members/deadline.js';
import { Job, type JobSpec } from './job.js';

/** What is under way: mostly one piece of work, and two while the next step is computed ahead of what is decided. */
export class OpenJobs {
  readonly #deadline: Deadline;
  /** By number, in the order in which they were asked for. */
  readonly #jobs = new Map<number, Job>();
  #nextNumber = 0;
  /** Answers to work up to this number are of no use any more. */
  #abandoned = -1;
  /** Since when the oldest job has been that. */
  #oldestSince = 0;
  #failure: Error | undefined;

  constructor(options: DeadlineOptions) {
    this.#deadline = new Deadline(options);
  }

  /** A number for a piece of work that is to be opened. */
  newNumber(): number {
    return this.#nextNumber++;
  }

  /** Is there nothing but one piece of work? */
  get isOne(): boolean {
    return this.#jobs.size === 1;
  }

  /** @throws the reason, where the run has failed */
  open(spec: JobSpec, workers: readonly Incarnation[], shares: readonly number[]): Job {
    if (this.#failure) throw this.#failure;
    const job = new Job(spec, workers, shares);
    if (this.#jobs.size === 0) this.#oldestSince = awakeNow();
    this.#jobs.set(spec.work, job);
    return job;
  }

  /** Waits for all of it. Time is kept of the oldest only: what was asked for after it waits for it. */
  async finish(job: Job): Promise<readonly UnitSums[]> {
    const sums = await job.done;
    const now = awakeNow();
    if (this.#oldest === job) {
      this.#deadline.finished((now - this.#oldestSince) / 1_000);
      this.#oldestSince = now;
    }
    this.#jobs.delete(job.spec.work);
    return sums;
  }

  /** What is still to come of one piece of work is not wanted any more. */
  drop(job: Job): void {
    job.abandon();
    this.#jobs.delete(job.spec.work);
    this.#oldestSince = awakeNow();
  }

  /**
   * The work that an answer is for, unless that is over.
   * @throws ProtocolError where there is no such work
   */
  find(work: number, grain: JobSpec['grain']): Job | undefined {
    if (work >= this.#nextNumber) throw new ProtocolError(`answered work ${work}, which does not exist`);
    const job = this.#jobs.get(work);
    if (job && job.spec.grain !== grain) throw new ProtocolError(`answered work ${work} as if it were of another kind`);
    return job;
  }

  workerJoined(worker: Incarnation): void {
    for (const job of this.#jobs.values()) job.workerJoined(worker);
  }

  workerLeft(worker: Incarnation, living: readonly Incarnation[]): void {
    for (const job of this.#jobs.values()) job.workerLeft(worker, living);
  }

  /** Whatever is being waited for, now or later, rejects with the first reason. */
  fail(reason: Error): void {
    this.#failure ??= reason;
    for (const job of this.#jobs.values()) job.fail(reason);
  }

  /** Nothing that is under way is wanted any more. */
  abandon(): void {
    for (const job of this.#jobs.values()) job.abandon();
    this.#jobs.clear();
    this.#abandoned = this.#nextNumber - 1;
  }

  isAbandoned(work: number): boolean {
    return work <= this.#abandoned;
  }

  /** Who owes something of the oldest work, and whether they have had their time. */
  checkDeadline(living: readonly Incarnation[]): { readonly verdict: Verdict; readonly owing: readonly Incarnation[] } {
    const { owing } = this.#oldest ?? { owing: [] };
    if (!this.#oldest || living.length === 0) return { verdict: { kind: 'wait' }, owing };
    const seconds = (awakeNow() - this.#oldestSince) / 1_000;
    return { verdict: this.#deadline.check(seconds, owing.length < living.length), owing };
  }

  get #oldest(): Job | undefined {
    return this.#jobs.values().next().value;
  }
}
