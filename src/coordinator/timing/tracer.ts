import type { Member } from '../members/roster.js';

/** Hears when what was done, for a trace. Times are milliseconds of this process's monotonic clock, unless said otherwise. */
export interface Tracer {
  /** Something that this process did; what is done within it comes before it or after it. */
  span(name: string, from: number, to: number): void;
  /** Something that was waited for while other things were done. */
  wait(name: string, from: number, to: number, step?: number): void;
  /** A whole step, once it is done. */
  step(step: number, from: number, to: number): void;
  /** A worker was asked just now for a part of the work of that number. */
  asked(worker: Member, work: number): void;
  /** Its answer has come just now. `startedAt` is of the worker's own clock. */
  answered(worker: Member, answer: Computed): void;
}

/** Something that a worker has computed. */
export interface Computed {
  readonly kind: 'gradient' | 'evaluation';
  /** The shards or chunks [from, to). */
  readonly node: { readonly from: number; readonly to: number };
  readonly work: number;
  readonly startedAt: number;
  readonly computeMs: number;
}
