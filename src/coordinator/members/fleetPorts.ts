import type { Message } from '../../shared/protocol/protocol.js';
import type { Frames, Incarnation } from '../../shared/transport/transport.js';
import type { Verdict } from './deadline.js';
import type { Fate } from './desk.js';
import type { Member, Roster } from './roster.js';

/** What workers answer to what they were asked. */
export type AnswerMessage = Message<'gradient' | 'gradientSlice' | 'evaluation'>;

/** The work of those who are connected: who is asked for what. */
export interface Work {
  /** A peer has connected. */
  hello(peer: Member): void;
  /** It can compute. */
  joined(peer: Member): void;
  /** Its work is given to others, and what it still says is not heard. */
  left(peer: Incarnation): void;
  /** Its work is given to others, for now. */
  cannotCompute(peer: Incarnation): void;
  /** @throws ProtocolError where it is not what was asked of this peer */
  take(peer: Member, answer: AnswerMessage, values: Float32Array | undefined): void;
  /** Who owes something of the oldest work, and whether they have had their time. */
  checkDeadline(): { readonly verdict: Verdict; readonly owing: readonly Incarnation[] };
  /** Nothing that is under way is wanted any more. */
  abandon(): void;
  /** Whatever is being waited for rejects with the reason. */
  fail(reason: Error): void;
}

/** Hears of those who are connected. */
export interface FleetEvents {
  readonly ready?: (member: Member) => void;
  /** A worker is gone or was sent away. */
  readonly left?: (member: Member, reason: string, fate: Fate) => void;
  /** The same of an aggregator. Its workers are told of one by one. */
  readonly aggregatorLeft?: (aggregator: Pick<Member, 'name' | 'hello'>, reason: string, fate: Fate) => void;
  /** Someone was refused before it became a worker, or its message made no sense: one line. */
  readonly refused?: (line: string) => void;
  /** Something that a person should know. */
  readonly notice?: (line: string) => void;
  /** The run cannot go on. */
  readonly failed?: (reason: Error) => void;
}

/** What those who assign work need of a fleet. */
export interface Assigning {
  readonly roster: Roster;
  send(to: Incarnation, frames: Frames): void;
  /** Takes what a peer has said; one that makes no sense is sent away. */
  hear(from: Incarnation, take: () => void): void;
  /** Sends a peer away for good. */
  ban(peer: Incarnation, reason: string): void;
  notice(line: string): void;
}
