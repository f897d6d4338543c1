import { viewOf } from '../../shared/model/layout.js';
import type { Slices } from '../../shared/model/slices.js';
import type { Halves } from '../../shared/numbers/half/half.js';
import type { FromWorker, Message } from '../../shared/protocol/protocol.js';
import { ProtocolError } from '../../shared/text/errors.js';
import type { Incarnation } from '../../shared/transport/transport.js';
import type { NodeAnswer } from '../stepPort.js';

/** Gradients in messages, both ends: what is said of a node goes with its first slice, the others follow in order. */

export type Send = (message: FromWorker, tensors?: readonly (Float32Array | Uint16Array)[]) => void;

/**
 * Sends one slice of a node's gradient. Its array must stay as it is until the coordinator goes on to other work.
 * @param halves packs it into 16 bits a value, if that is how shards go; the sum of several may not fit into them
 */
export function sendSlice(send: Send, answer: NodeAnswer, slice: number, values: Float32Array, halves: Halves | undefined): void {
  const { work, shards, startedAt, computeMs } = answer;
  const node: [number, number] = [answer.node.from, answer.node.to];
  const tensor = halves && shards.length === 1 ? halves.pack(values) : values;
  if (slice === 0) send({ type: 'gradient', work, node, shards, startedAt, computeMs }, [tensor]);
  else send({ type: 'gradientSlice', work, node, slice }, [tensor]);
}

/** Sends the whole gradient of a node, slice by slice; as `sendSlice`. */
export function sendGradient(send: Send, answer: NodeAnswer, gradient: Float32Array, slices: Slices, halves?: Halves): void {
  for (const [slice, place] of slices.entries()) sendSlice(send, answer, slice, viewOf(gradient, place), halves);
}

/** A slice of a gradient that has come, and what came of the answer when it began. */
export interface Arrival<T> {
  readonly answer: NodeAnswer;
  readonly slice: number;
  readonly judged: T;
  readonly isLast: boolean;
}

/** The gradients as they come in: which slice each worker sends next. */
export class GradientsIn<T> {
  readonly #slices: number;
  /** The last that came of those that are not complete. */
  readonly #begun = new Map<Incarnation, Arrival<T>>();

  /** @param slices of every gradient */
  constructor(slices: number) {
    this.#slices = slices;
  }

  /**
   * The first slice of a gradient. An aggregator that has lost all below it may leave one unfinished, once other work is under
   * way.
   * @param judge says what comes of the answer
   * @throws ProtocolError where the worker has not sent all of the one before, of the same work
   */
  begin(worker: Incarnation, { node: [from, to], ...head }: Message<'gradient'>, judge: (answer: NodeAnswer) => T): Arrival<T> {
    const answer = { ...head, node: { from, to } };
    const judged = judge(answer);
    if (this.#begun.get(worker)?.answer.work === answer.work) throw new ProtocolError('began a gradient before the last was complete');
    return this.#note(worker, { answer, slice: 0, judged });
  }

  /** @throws ProtocolError where it is not the next slice of what the worker has begun */
  next(worker: Incarnation, { work, node: [from, to], slice }: Message<'gradientSlice'>): Arrival<T> {
    const last = this.#begun.get(worker);
    const { node } = last?.answer ?? {};
    if (!last || work !== last.answer.work || from !== node?.from || to !== node.to || slice !== last.slice + 1)
      throw new ProtocolError(`sent slice ${slice} of a gradient of which that was not the next`);
    return this.#note(worker, { ...last, slice });
  }

  left(worker: Incarnation): void {
    this.#begun.delete(worker);
  }

  #note(worker: Incarnation, arrived: Omit<Arrival<T>, 'isLast'>): Arrival<T> {
    const arrival = { ...arrived, isLast: arrived.slice + 1 === this.#slices };
    if (arrival.isLast) this.#begun.delete(worker);
    else this.#begun.set(worker, arrival);
    return arrival;
  }
}
