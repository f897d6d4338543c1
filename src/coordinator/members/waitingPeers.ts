import { AwakeTimer } from '../../shared/system/awakeTimer.js';
import type { Incarnation } from '../../shared/transport/transport.js';

/** Peers that wait for an aggregator, each for a while. */
export class WaitingPeers {
  readonly #timers = new Map<Incarnation, AwakeTimer>();

  get peers(): Incarnation[] {
    return [...this.#timers.keys()];
  }

  /** @param giveUp is called after so many milliseconds, unless the peer waits no more */
  add(peer: Incarnation, giveUp: () => void, milliseconds: number): void {
    const end = (): void => {
      this.#timers.delete(peer);
      giveUp();
    };
    this.#timers.set(peer, new AwakeTimer(end, milliseconds));
  }

  stop(peer: Incarnation): void {
    this.#timers.get(peer)?.clear();
    this.#timers.delete(peer);
  }

  close(): void {
    for (const peer of this.peers) this.stop(peer);
  }
}
