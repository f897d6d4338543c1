import type { Address } from './address.js';
import type { RunKeys } from './keys.js';

/** Names one connection of one worker; a worker that comes back has another. */
export type Incarnation = string;

export type Frames = readonly Uint8Array[];

/** How processes reach each other: a hub for the coordinator, a link for each worker. */
export interface Transport {
  /**
   * Listens at an address.
   * @throws UsageError where the address is taken or not to be had
   */
  openHub(options: HubOptions): Promise<Hub>;
  /** Connects a worker once: when the connection ends, so does the link. An address that does not answer is no error here. */
  openLink(address: string, options: LinkOptions): Link;
  /** Does something listen there now? */
  knock(address: Address): Promise<Knocked>;
  /** The address of this machine by which it reaches another; undefined where nothing listens there. */
  ownAddressTowards(address: string): Promise<string | undefined>;
}

/** Where something listens, with its name resolved; or why it is not to be reached, and whether it is said to be on another machine. */
export type Knocked =
  | { readonly isOpen: true; readonly address: string }
  | { readonly isOpen: false; readonly reason: string; readonly isElsewhere?: boolean };

export interface Hub {
  /** Where workers connect, with the port that was found. */
  readonly address: string;
  /**
   * Sends in the order of calls. Frames must stay as they are until the peer has answered.
   * @param onUnreachable called where the peer turns out to be gone
   */
  send(to: Incarnation, frames: Frames, onUnreachable: () => void): void;
  /** What the workers send, until the hub is closed. */
  messages(): AsyncIterable<{ from: Incarnation; frames: Frames }>;
  /** Connections that were not let in: without the run's key, or of programs that do not speak as workers do. */
  readonly turnedAway: number;
  close(): Promise<void>;
}

export interface HubOptions {
  /** `tcp://127.0.0.1:0` or `ipc:///short/path`. */
  readonly address: string;
  /** Another at which it listens as well. */
  readonly alsoAt?: string | undefined;
  /** Longest frame that is taken, in bytes. A peer that sends more is cut off. */
  readonly maxFrameBytes: number;
  /** With keys all is encrypted, and only who has the worker's key gets in. */
  readonly keys?: RunKeys | undefined;
  /** Someone was turned away at the door; the line says where it came from, where that is known, and why. */
  readonly onTurnedAway?: (line: string) => void;
}

export interface Link {
  send(frames: Frames): void;
  /** What the coordinator sends, until the link is closed or the coordinator is gone. */
  messages(): AsyncIterable<Frames>;
  /** Why the link ended, where the other side or the network ended it. */
  readonly lossReason: string | undefined;
  /**
   * Does the coordinator not let this worker in? `perhaps`: the connection was cut before it was one, which is what a
   * coordinator with other keys does, and one that is just ending or starting.
   */
  readonly isTurnedAway: 'no' | 'perhaps' | 'yes';
  close(): Promise<void>;
}

/**
 * How long a link holds without a sign of life: a coordinator that is stopped for a while (Ctrl-Z, a debugger, a laptop's lid)
 * goes on afterwards. `forever` is for a peer on this machine, whose end closes the connection in any case.
 */
export type Patience = 'short' | 'long' | 'forever';

export interface LinkOptions {
  /** Longest frame that is taken, in bytes. */
  readonly maxFrameBytes: number;
  readonly keys?: RunKeys | undefined;
  readonly patience?: Patience;
  /** Seconds after which the link ends if the other side accepts the connection and says nothing. */
  readonly handshakeTimeout?: number | undefined;
  /** Seconds after which it ends if the other side has sent no message. */
  readonly answerTimeout?: number | undefined;
}
