import type { RawSamples, WantedSamples } from '../../shared/protocol/dataLayout.js';
import { decodeFromCoordinator, type FromWorker, type Message } from '../../shared/protocol/protocol.js';
import { ProtocolError, RunError } from '../../shared/text/errors.js';
import type { Frames } from '../../shared/transport/transport.js';

/** Requests that may be under way: whoever answers holds as many answers. */
export const mostRequests = 4;

interface Waiting extends WantedSamples {
  readonly resolve: (samples: RawSamples) => void;
  readonly reject: (reason: unknown) => void;
}

/** Asks the coordinator for samples, for a worker that lacks them or, as an aggregator does, for those below. */
export class SampleRequests {
  readonly #send: (message: FromWorker) => void;
  /** What has been asked for, by request, and what is still to be. */
  readonly #asked = new Map<number, Waiting>();
  readonly #queue: Waiting[] = [];
  #next = 0;
  #end: { readonly reason: unknown } | undefined;

  constructor(send: (message: FromWorker) => void) {
    this.#send = send;
  }

  ask(split: WantedSamples['split'], samples: readonly number[]): Promise<RawSamples> {
    if (this.#end) return Promise.reject(this.#end.reason);
    return new Promise((resolve, reject) => {
      this.#queue.push({ split, samples, resolve, reject });
      this.#sendMore();
    });
  }

  get isWaiting(): boolean {
    return this.#asked.size > 0;
  }

  /** Takes a message that is an answer. Says whether it is one. @throws ProtocolError where nothing was asked for */
  takes(frames: Frames): boolean {
    const { message, samples = [] } = decodeFromCoordinator(frames, []);
    if (message.type === 'samples') this.take(message, samples);
    return message.type === 'samples';
  }

  /** @throws ProtocolError where nothing was asked for */
  take({ request, reason }: Message<'samples'>, samples: RawSamples): void {
    const waiting = this.#asked.get(request);
    if (!waiting) throw new ProtocolError('the coordinator sent samples that were not asked for');
    this.#asked.delete(request);
    if (reason === undefined) waiting.resolve(samples);
    else waiting.reject(new RunError(reason));
    this.#sendMore();
  }

  /** No answer comes any more. */
  end(reason: unknown): void {
    this.#end ??= { reason };
    for (const { reject } of [...this.#asked.values(), ...this.#queue.splice(0)]) reject(reason);
    this.#asked.clear();
  }

  #sendMore(): void {
    while (this.#asked.size < mostRequests) {
      const waiting = this.#queue.shift();
      if (!waiting) return;
      const request = this.#next++;
      this.#asked.set(request, waiting);
      this.#send({ type: 'wants', request, split: waiting.split, samples: waiting.samples });
    }
  }
}
