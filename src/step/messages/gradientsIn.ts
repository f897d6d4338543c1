import type { Message } from '../../shared/protocol/protocol.js';
import { ProtocolError } from '../../shared/text/errors.js';
import type { Incarnation } from '../../shared/transport/transport.js';
import type { StepAnswer } from '../memory/arena.js';

/** A part of a gradient that has come. */
export interface Arrival {
  /** What was said of the whole with its first part. */
  readonly answer: Omit<StepAnswer, 'gradient'>;
  readonly part: number;
  /** Was it to be taken when it began? */
  readonly isWanted: boolean;
  readonly isLast: boolean;
}

/** The gradients as they come in messages: which part each worker sends next. */
export class GradientsIn {
  readonly #parts: number;
  /** The last that came of those that are not complete. */
  readonly #begun = new Map<Incarnation, Arrival>();

  /** @param parts of every gradient */
  constructor(parts: number) {
    this.#parts = parts;
  }

  /**
   * An aggregator that has lost all below it may leave a gradient unfinished, once other work is under way.
   * @throws ProtocolError where the worker has not sent all of the one before, of the same work
   */
  begin(worker: Incarnation, answer: Arrival['answer'], isWanted: boolean): Arrival {
    if (this.#begun.get(worker)?.answer.work === answer.work) throw new ProtocolError('began a gradient before the last was complete');
    return this.#note(worker, { answer, part: 0, isWanted });
  }

  /** @throws ProtocolError where it is not the next part of what the worker has begun */
  next(worker: Incarnation, { work, node: [from, to], part }: Message<'gradientPart'>): Arrival {
    const last = this.#begun.get(worker);
    const { node } = last?.answer ?? {};
    if (!last || work !== last.answer.work || from !== node?.from || to !== node.to || part !== last.part + 1)
      throw new ProtocolError(`sent part ${part} of a gradient of which that was not the next`);
    return this.#note(worker, { ...last, part });
  }

  forget(worker: Incarnation): void {
    this.#begun.delete(worker);
  }

  #note(worker: Incarnation, arrived: Omit<Arrival, 'isLast'>): Arrival {
    const arrival = { ...arrived, isLast: arrived.part + 1 === this.#parts };
    if (arrival.isLast) this.#begun.delete(worker);
    else this.#begun.set(worker, arrival);
    return arrival;
  }
}
