import type { RawSamples } from '../shared/dataLayout.js';
import { ProtocolError, RunError } from '../shared/errors.js';
import { areSamples, decodeFromCoordinator, type FromWorker, type Message } from '../shared/protocol.js';
import type { Frames } from '../shared/transport.js';

interface Waiting {
  readonly resolve: (samples: RawSamples) => void;
  readonly reject: (reason: unknown) => void;
}

/** Asks the coordinator for samples, for a worker that lacks them or, as an aggregator does, for those below. */
export class SampleRequests {
  readonly #send: (message: FromWorker) => void;
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;
  #end: { readonly reason: unknown } | undefined;

  constructor(send: (message: FromWorker) => void) {
    this.#send = send;
  }

  ask(part: Message<'wants'>['part'], samples: readonly number[]): Promise<RawSamples> {
    if (this.#end) return Promise.reject(this.#end.reason);
    const request = this.#next++;
    this.#send({ type: 'wants', request, part, samples });
    return new Promise((resolve, reject) => this.#waiting.set(request, { resolve, reject }));
  }

  /** Looks at a message before its turn, where an answer is waited for. Says whether it is one, and takes it. */
  takes(frames: Frames): boolean {
    if (this.#waiting.size === 0 || !areSamples(frames)) return false;
    const { message, samples = [] } = decodeFromCoordinator(frames, []);
    if (message.type === 'samples') this.take(message, samples);
    return true;
  }

  /** @throws ProtocolError where nothing was asked for */
  take({ request, reason }: Message<'samples'>, samples: RawSamples): void {
    const waiting = this.#waiting.get(request);
    if (!waiting) throw new ProtocolError('the coordinator sent samples that were not asked for');
    this.#waiting.delete(request);
    if (reason === undefined) waiting.resolve(samples);
    else waiting.reject(new RunError(reason));
  }

  /** No answer comes any more. */
  end(reason: unknown): void {
    this.#end = { reason };
    for (const { reject } of this.#waiting.values()) reject(reason);
    this.#waiting.clear();
  }
}
