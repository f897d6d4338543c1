import { encode } from '../../shared/protocol/protocol.js';
import type { Frames, Incarnation } from '../../shared/transport/transport.js';
import type { Roster } from './roster.js';

/** Milliseconds that workers have to say goodbye. */
const timeout = 2_000;

/** Tells everyone to leave: a socket that closed at once could take the word with it, so all have time to say that they do. */
export class Dismissal {
  readonly #roster: Roster;
  readonly #send: (to: Incarnation, frames: Frames) => void;
  #empty: (() => void) | undefined;

  constructor(roster: Roster, send: (to: Incarnation, frames: Frames) => void) {
    this.#roster = roster;
    this.#send = send;
  }

  /** Has everyone been told? */
  get isUnderWay(): boolean {
    return this.#empty !== undefined;
  }

  /** A peer has left. */
  left(): void {
    if (this.#roster.peers.length === 0) this.#empty?.();
  }

  /** Resolves when all have left, or have had the time to. @param isOver the run has come to its end, and is not gone on with */
  async dismiss(isOver: boolean): Promise<void> {
    if (this.#roster.peers.length === 0) return;
    await new Promise<void>((resolve) => {
      this.#empty = resolve;
      setTimeout(resolve, timeout).unref();
      for (const { incarnation } of this.#roster.peers) this.#send(incarnation, encode({ type: 'stop', isOver }));
    });
  }

  /** Tells everyone to come back to the coordinator; they would find out by themselves, when heartbeats fail. */
  sendBack(): void {
    const message = encode({ type: 'reconnect', reason: 'its aggregator has lost the way to the coordinator, or leaves' });
    for (const { incarnation } of this.#roster.peers) this.#send(incarnation, message);
  }
}
