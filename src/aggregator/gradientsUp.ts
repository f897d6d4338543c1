import type { Halves } from '../shared/numbers/half/half.js';
import type { UnitSums } from '../shared/protocol/protocol.js';
import { type Send, sendSlice } from '../step/messages/gradientFrames.js';
import type { TreeNode } from '../step/tree.js';
import type { NodeSum } from './nodeSums.js';

/** One gradient on its way up. */
interface Outgoing {
  readonly work: number;
  readonly sum: NodeSum;
  /** The sums of its shards that are not empty; they go with the first slice. */
  readonly shards: () => readonly UnitSums[] | undefined;
  readonly startedAt: number;
  readonly computeMs: () => number;
  next: number;
}

/**
 * The gradients on their way up: each in the order of its slices, the next begun when the last is complete. A slice goes as
 * soon as it is added up and all sums are known, while others are still coming in from below.
 */
export class GradientsUp {
  readonly #send: Send;
  readonly #slices: number;
  readonly #halves: Halves | undefined;
  #current: Outgoing | undefined;
  #waiting: Outgoing[] = [];

  /** @param slices of every gradient @param halves packs what one shard has given, as a worker does */
  constructor(send: Send, slices: number, halves: Halves | undefined) {
    this.#send = send;
    this.#slices = slices;
    this.#halves = halves;
  }

  expect(gradient: Omit<Outgoing, 'next'>): void {
    this.#waiting.push({ ...gradient, next: 0 });
  }

  /** What has not gone yet is not wanted any more. */
  forget(): void {
    this.#waiting = [];
    this.#current = undefined;
  }

  /** Sends what can go now. */
  flush(): void {
    for (;;) {
      const current = this.#current ?? this.#begin();
      if (!current) return;
      for (; current.next < this.#slices; current.next++) {
        const values = current.sum.slice(current.next);
        if (!values) return;
        const { work, sum, shards, startedAt, computeMs, next } = current;
        const answer = { work, node: sum.node, shards: shards() ?? [], startedAt, computeMs: computeMs() };
        sendSlice(this.#send, answer, next, values, this.#halves);
      }
      this.#current = undefined;
    }
  }

  #begin(): Outgoing | undefined {
    const at = this.#waiting.findIndex((gradient) => gradient.shards() !== undefined && gradient.sum.slice(0) !== undefined);
    [this.#current] = at < 0 ? [] : this.#waiting.splice(at, 1);
    return this.#current;
  }
}

/** The sums of a node's shards. @param known of all shards that are not empty and were asked for, in order @param wanted those */
export function sumsWithin({ from, to }: TreeNode, known: readonly UnitSums[], wanted: readonly number[]): UnitSums[] {
  return known.filter((_, i) => from <= (wanted[i] ?? -1) && (wanted[i] ?? -1) < to);
}
