import { encode } from '../../shared/protocol/protocol.js';
import type { Frames, Incarnation } from '../../shared/transport/transport.js';
import type { Work } from './fleetPorts.js';
import type { Roster } from './roster.js';

/** Milliseconds between probes, which tell who can no longer be reached. */
const interval = 1_000;

/** The fleet that is probed. */
export interface Probed {
  readonly roster: Roster;
  readonly work: Pick<Work, 'checkDeadline'>;
  send(to: Incarnation, frames: Frames): void;
  notice(line: string): void;
}

/** Looks regularly for those who cannot be reached any more, and for those who have not answered in time. */
export class Probes {
  readonly #fleet: Probed;
  readonly #remove: (peer: Incarnation, reason: string) => void;
  readonly #timer: NodeJS.Timeout;

  /** @param remove is told of whoever has had its time */
  constructor(fleet: Probed, remove: (peer: Incarnation, reason: string) => void) {
    this.#fleet = fleet;
    this.#remove = remove;
    this.#timer = setInterval(() => this.#probe(), interval).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #probe(): void {
    this.#checkDeadline();
    const { roster } = this.#fleet;
    for (const { incarnation } of roster.peers) this.#fleet.send(incarnation, encode({ type: 'probe' }));
  }

  #checkDeadline(): void {
    const { verdict, owing } = this.#fleet.work.checkDeadline();
    if (verdict.kind === 'extended') this.#fleet.notice(`no worker has answered in time; waiting up to ${verdict.seconds} s`);
    if (verdict.kind !== 'missed') return;
    for (const peer of owing) {
      const reason = `has not answered within ${verdict.seconds} s`;
      this.#fleet.send(peer, encode({ type: 'reconnect', reason }));
      this.#remove(peer, reason);
    }
  }
}
