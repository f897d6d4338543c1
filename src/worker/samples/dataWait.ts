import { type FromWorker, typeFromCoordinator } from '../../shared/protocol/protocol.js';
import type { Frames } from '../../shared/transport/transport.js';
import { SampleRequests } from './sampleRequests.js';

/** The coordinator wants something else of this worker than what it is waiting for data for. */
export class NoLongerWanted extends Error {
  override readonly name = 'NoLongerWanted';
}

/**
 * A worker's waiting for data, which may take long: for files to be fetched, or for samples from the coordinator. It looks at
 * each message before its turn, and waits no longer where the coordinator goes on without this worker.
 */
export class DataWait {
  readonly requests: SampleRequests;
  readonly #over = new AbortController();
  #isPreparing = false;

  constructor(send: (message: FromWorker) => void) {
    this.requests = new SampleRequests(send);
  }

  /** Aborts with why data are not waited for any more. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** Does something during which files may be fetched. */
  async preparing<T>(work: () => Promise<T>): Promise<T> {
    this.#isPreparing = true;
    try {
      return await work();
    } finally {
      this.#isPreparing = false;
    }
  }

  /** Takes samples that have come. Says whether a message was that; others have their turn. */
  takes(frames: Frames): boolean {
    if (!this.requests.isWaiting && !this.#isPreparing) return false;
    switch (typeFromCoordinator(frames)) {
      case 'samples':
        return this.requests.takes(frames);
      case 'refuse':
      case 'reconnect':
      case 'move':
      case 'stop':
        this.end(new NoLongerWanted('the coordinator goes on without this worker'));
        return false;
      default:
        return false;
    }
  }

  /** Whatever is waited for does not come any more. */
  end(reason: unknown): void {
    this.requests.end(reason);
    this.#over.abort(reason);
  }
}
