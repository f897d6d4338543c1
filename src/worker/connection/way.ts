import { lstatSync, rmdirSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Message } from '../../shared/protocol/protocol.js';
import { version } from '../../shared/system/version.js';
import { errorMessage, Interrupted, ProtocolError } from '../../shared/text/errors.js';
import { parseAddress } from '../../shared/transport/address.js';
import type { RunKeys } from '../../shared/transport/keys.js';
import type { Transport } from '../../shared/transport/transport.js';
import { knock, pauseUnless, type Whereabouts } from './awaitCoordinator.js';
import { CoordinatorEnded, HandshakeFailed, LinkLost, Moved } from './linkErrors.js';

/** Milliseconds before a coordinator that cut this worker off is tried again. */
const reconnectPause = 500;
/** Connections that are cut before they are one, after which it is the key that does not fit. */
const handshakes = 4;

/** How a process stays connected to a coordinator. */
export interface StayOptions {
  readonly coordinator: Whereabouts;
  readonly keys: RunKeys | undefined;
  /** Seconds to wait for a coordinator that is not there yet. */
  readonly connectTimeout: number;
  /** Seconds to wait for one that is gone. */
  readonly reconnectTimeout: number;
  /** Aborts when the process should say that it leaves, and leave. */
  readonly leave: AbortSignal;
  readonly say: (line: string) => void;
  /** Default: ZeroMQ's sockets. */
  readonly transport?: Transport | undefined;
}

/** What is known of a connection. */
export interface Connection {
  /** Where it goes to. */
  readonly address: string;
  /** What the process was called before. */
  readonly number: number | undefined;
  /** How often in a row an aggregator was not reached. */
  readonly misses: number;
  /** What names it to the aggregator that it goes to. */
  readonly ticket: number | undefined;
  /** Does it go over a socket that only this machine has? */
  readonly isSameMachine: boolean;
}

/** Where to connect next: to the coordinator, or to the aggregator that it has named. */
export class Way {
  readonly #options: StayOptions;
  #timeout: number;
  #failedHandshakes = 0;
  #move: Message<'move'> | undefined;
  /** Is the connection one to an aggregator? */
  #isBelow = false;
  #misses = 0;
  #number: number | undefined;
  #address = '';

  constructor(options: StayOptions) {
    this.#options = options;
    this.#timeout = options.connectTimeout;
  }

  /** Waits for whoever it is; undefined where that cannot be reached, or once told to leave. @throws RunError after too long */
  async next(): Promise<Connection | undefined> {
    const { coordinator, say, leave, transport } = this.#options;
    const move = this.#move;
    const options = { connectTimeout: this.#timeout, say, leave, transport };
    const address = move ? await this.#aggregator(move) : await knock(coordinator, options);
    this.#move = undefined;
    this.#isBelow = move !== undefined;
    if (address === undefined) return undefined;
    this.#address = address;
    return {
      address,
      number: this.#number,
      misses: this.#misses,
      ticket: move?.ticket,
      isSameMachine: parseAddress(address).kind === 'ipc',
    };
  }

  /** One that does not answer may be gone, which the coordinator finds out, too. */
  async #aggregator({ addresses }: Message<'move'>): Promise<string | undefined> {
    const { say, leave } = this.#options;
    const address = await reachable(addresses, this.#options);
    if (address !== undefined || leave.aborted) return address;
    this.#misses++;
    say(`no aggregator answers at ${addresses.join(' or ')}: back to the coordinator`);
    await pauseUnless(leave, reconnectPause);
    return undefined;
  }

  /** The connection has come to an end. Returns the milliseconds to wait before the next. @throws the error, where there is none */
  async lost(error: unknown): Promise<number> {
    if (error instanceof Moved) {
      this.#move = error.to;
      this.#number = error.to.number;
      return 0;
    }
    if (error instanceof ProtocolError)
      throw new ProtocolError(
        `${this.#address}: what answers there does not speak as a coordinator of bpnn-dist ${version} does: ${error.message}`,
      );
    const { reconnectTimeout, say } = this.#options;
    if (this.#isBelow && error instanceof LinkLost && !(error instanceof CoordinatorEnded)) {
      // Tidies up after one that was killed.
      await reachable([this.#address], this.#options);
      say(`${errorMessage(error)}: back to the coordinator`);
      this.#timeout = reconnectTimeout;
      const isMissed = error instanceof HandshakeFailed;
      this.#misses = isMissed ? this.#misses + 1 : 0;
      return isMissed ? reconnectPause : 0;
    }
    this.#failedHandshakes = error instanceof HandshakeFailed ? this.#failedHandshakes + 1 : 0;
    if (!mayBecomeBetter(error, this.#failedHandshakes, reconnectTimeout))
      throw error instanceof CoordinatorEnded ? new Interrupted(error.message) : error;
    if (this.#failedHandshakes === 0) {
      say(`${errorMessage(error)}; waiting up to ${reconnectTimeout} s for it to come back`);
      this.#timeout = reconnectTimeout;
    }
    return reconnectPause;
  }
}

/** The first address that answers at once. What nothing answers at any more is tidied away. */
async function reachable(addresses: readonly string[], { leave, transport }: StayOptions): Promise<string | undefined> {
  for (const address of addresses) {
    try {
      return await knock({ address }, { connectTimeout: 0, say: () => undefined, leave, transport });
    } catch {
      tidy(address);
    }
  }
  return undefined;
}

/** An aggregator that was killed leaves the socket at which nobody listens any more, and its folder. */
function tidy(address: string): void {
  const target = parseAddress(address);
  if (target.kind !== 'ipc' || !lstatSync(target.path, { throwIfNoEntry: false })?.isSocket()) return;
  try {
    unlinkSync(target.path);
    rmdirSync(dirname(target.path));
  } catch {
    // Another worker has, or it is not ours.
  }
}

function mayBecomeBetter(error: unknown, failedHandshakes: number, reconnectTimeout: number): boolean {
  if (failedHandshakes > 0) return failedHandshakes < handshakes;
  return error instanceof LinkLost && reconnectTimeout > 0;
}
