import { type Member, waitedMs } from '../coordinator/members/roster.js';
import type { WorkerStatus } from './runStatus.js';

interface Entry {
  /** The process that has the name now, or had it last. */
  member: Member;
  isHere: boolean;
  restarts: number;
  note: string | null;
  /** Of the processes before it. */
  shards: number;
  computeMs: number;
  waitMs: number;
}

/** Everyone that has ever come to a run, what became of them, and what they have done. */
export class WorkerHistory {
  readonly #entries = new Map<string, Entry>();

  /** A worker is lost. What it did counts on. */
  left(member: Member, reason: string, trainingSince: number | undefined, now: number): void {
    const entry = this.#entryOf(member);
    entry.isHere = false;
    entry.note = reason;
    entry.shards += member.units;
    entry.computeMs += member.computeMs;
    entry.waitMs += waitOf(member, trainingSince, now);
  }

  /**
   * @param present everyone that is connected
   * @param trainingSince when the first step began, and `now`: milliseconds of the monotonic clock
   */
  status(present: readonly Member[], trainingSince: number | undefined, now: number): WorkerStatus[] {
    for (const member of present) this.#entryOf(member);
    return [...this.#entries.values()]
      .sort((a, b) => a.member.number - b.member.number)
      .map((entry) => {
        const { member, isHere, restarts, note } = entry;
        const { name, hello, ready } = member;
        return {
          name,
          state: isHere ? (ready ? 'ready' : 'preparing') : 'lost',
          host: hello.host,
          pid: hello.pid,
          engine: ready?.engine.library ?? null,
          device: ready?.engine.provider ?? null,
          shards: entry.shards + (isHere ? member.units : 0),
          computeSeconds: (entry.computeMs + (isHere ? member.computeMs : 0)) / 1_000,
          waitSeconds: (entry.waitMs + (isHere ? waitOf(member, trainingSince, now) : 0)) / 1_000,
          restarts,
          note: isHere && ready ? null : note,
        };
      });
  }

  #entryOf(member: Member): Entry {
    const known = this.#entries.get(member.name);
    if (!known) {
      const entry = { member, isHere: true, restarts: 0, note: null, shards: 0, computeMs: 0, waitMs: 0 };
      this.#entries.set(member.name, entry);
      return entry;
    }
    if (known.member.incarnation !== member.incarnation) {
      known.member = member;
      known.isHere = true;
      known.restarts++;
    }
    return known;
  }
}

/** Before training begins, nobody waits. */
function waitOf(member: Member, trainingSince: number | undefined, now: number): number {
  return member.ready && trainingSince !== undefined ? waitedMs(member, trainingSince, now) : 0;
}
