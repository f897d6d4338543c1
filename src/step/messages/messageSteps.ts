import { encode } from '../../shared/protocol/protocol.js';
import type { Frames, Incarnation } from '../../shared/transport/transport.js';
import type { StepPort, StepRequest, Version } from '../stepPort.js';
import type { WeightsOut } from './weightsOut.js';

/** Chunks of a split of the data, as they are asked of one worker. */
export interface EvaluationChunks {
  readonly work: number;
  readonly split: 'validation' | 'test';
  /** In the whole split. */
  readonly samples: number;
  readonly chunks: readonly number[];
}

/** Workers that are asked in messages, with what they lack of the weights. */
export class MessageSteps implements StepPort {
  readonly #weights: WeightsOut;
  readonly #send: (to: Incarnation, frames: Frames) => void;
  /** Who was asked in the step that is under way. */
  readonly #listening = new Set<Incarnation>();

  constructor(weights: WeightsOut, send: (to: Incarnation, frames: Frames) => void) {
    this.#weights = weights;
    this.#send = send;
  }

  begin(): void {
    this.#listening.clear();
  }

  ask(worker: Incarnation, { work, batch, nodes }: StepRequest, version: Version): boolean {
    this.#listening.add(worker);
    const pairs = nodes.map(({ from, to }): [number, number] => [from, to]);
    const { tensors, ...parcel } = this.#weights.rest(worker, version);
    this.#send(worker, encode({ type: 'step', work, batch, nodes: pairs, ...parcel }, tensors));
    return true;
  }

  /** A slice of the weights to come is there: it goes to those who will need it, while others are being worked out. */
  announce(weights: Float32Array, slice: number): void {
    const version = this.#weights.announce(weights, slice);
    for (const worker of this.#listening) {
      const { tensors } = this.#weights.slice(worker, version, slice);
      this.#send(worker, encode({ type: 'weights', version: version.number, slice }, tensors));
    }
  }

  askEvaluation(worker: Incarnation, { work, split, samples, chunks }: EvaluationChunks, version: Version): void {
    const { tensors, ...parcel } = this.#weights.rest(worker, version);
    this.#send(worker, encode({ type: 'evaluate', work, split, samples, chunks: [...chunks], ...parcel }, tensors));
  }

  left(worker: Incarnation): void {
    this.#listening.delete(worker);
    this.#weights.left(worker);
  }
}
