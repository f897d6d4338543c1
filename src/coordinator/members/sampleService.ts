import { checkWanted, type DataLayout, type RawSamples, type WantedSamples } from '../../shared/protocol/dataLayout.js';
import type { Message } from '../../shared/protocol/protocol.js';
import { errorMessage, ProtocolError } from '../../shared/text/errors.js';
import type { Incarnation } from '../../shared/transport/transport.js';

/** Requests for samples of one peer that may be open; a worker has half as many. */
const mostOpen = 8;

/** Gives workers the samples that they lack. */
export class SampleService {
  readonly #layout: DataLayout;
  readonly #samples: (wanted: WantedSamples) => Promise<RawSamples>;
  readonly #answer: (to: Incarnation, message: Message<'samples'>, samples: RawSamples) => void;
  /** How often each peer waits for samples. */
  readonly #open = new Map<Incarnation, number>();

  /**
   * @param layout what the data are like
   * @param samples gets some of them
   * @param answer sends them, if the peer is still there
   */
  constructor(
    layout: DataLayout,
    samples: (wanted: WantedSamples) => Promise<RawSamples>,
    answer: (to: Incarnation, message: Message<'samples'>, samples: RawSamples) => void,
  ) {
    this.#layout = layout;
    this.#samples = samples;
    this.#answer = answer;
  }

  /** @throws ProtocolError where the data have no such samples, or the peer wants too much at once */
  give(to: Incarnation, wanted: Message<'wants'>): void {
    const { request } = wanted;
    checkWanted(this.#layout, wanted);
    const open = (this.#open.get(to) ?? 0) + 1;
    if (open > mostOpen) throw new ProtocolError(`wants samples ${open} times at once, ${mostOpen} are allowed`);
    this.#open.set(to, open);
    const give = (samples: RawSamples, reason?: string): void => {
      const before = this.#open.get(to);
      if (before === undefined) return;
      this.#open.set(to, before - 1);
      this.#answer(to, { type: 'samples', request, ...(reason !== undefined && { reason }) }, samples);
    };
    this.#samples(wanted).then(give, (error: unknown) => give([], errorMessage(error).slice(0, 4_000)));
  }

  left(peer: Incarnation): void {
    this.#open.delete(peer);
  }
}
