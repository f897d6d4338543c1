import type { FromCoordinator, Message } from '../../shared/protocol/protocol.js';
import type { Incarnation } from '../../shared/transport/transport.js';
import type { Hello, Member, Ready } from './roster.js';

/** What an aggregator says of those below it. */
export type FromBelow = Message<'open' | 'joined' | 'left' | 'worked'>;

/** What becomes of a worker that is lost: it may be started again, or would end the same way, or comes back by itself. */
export type Fate = 'lost' | 'final' | 'comesBack';

/** Lets peers in, and those below them: decides itself, or asks whoever does. */
export interface Desk {
  hello(from: Incarnation, hello: Hello): void;
  /** @throws ProtocolError where nothing was asked for, or nothing works */
  measured(member: Member, message: Message<'measured'>): void;
  /** A worker could compute: it is enlisted now, or later, or sent away. */
  ready(member: Member, ready: Ready): void;
  below(aggregator: Member, message: FromBelow): void;
  /** The process of a worker below an aggregator is known to have ended. */
  workerEnded(worker: Member, reason: string): void;
  /** A peer is gone, and is not in the roster any more. */
  left(peer: Incarnation, reason: string, isFinal: boolean): void;
  /** Nobody is let in any more. */
  close(): void;
}

/** What a desk can do. */
export interface DeskPorts {
  send(to: Incarnation, message: FromCoordinator): void;
  /** Sends a peer away for good. */
  ban(peer: Incarnation, reason: string): void;
  /** A peer that was told to go elsewhere is none any more. */
  release(peer: Incarnation): void;
  notice(line: string): void;
  /** A peer computes from now on. */
  enlist(member: Member, ready: Ready): void;
  /** A worker below an aggregator does. */
  enlisted(worker: Member): void;
  /** One below an aggregator is gone. */
  lost(worker: Member, reason: string, fate: Fate): void;
  /** The same of an aggregator below another. */
  aggregatorLost(aggregator: Pick<Member, 'name' | 'hello'>, reason: string, fate: Fate): void;
  /** So many workers more, or fewer, compute below an aggregator. */
  countBelow(aggregator: Member, more: number): void;
}
