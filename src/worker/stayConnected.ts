import { lstatSync, rmdirSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Message } from '../shared/protocol/protocol.js';
import { version } from '../shared/system/version.js';
import { errorMessage, Interrupted, ProtocolError } from '../shared/text/errors.js';
import { parseAddress } from '../shared/transport/address.js';
import type { RunKeys } from '../shared/transport/keys.js';
import { type Link, openLink, type Patience } from '../shared/transport/transport.js';
import { knock, pauseUnless, type Whereabouts } from './connection/awaitCoordinator.js';
import { CoordinatorEnded, HandshakeFailed, hasLeft, LinkLost, Moved, serve } from './workerSession.js';

export interface ServeRunsOptions {
  readonly coordinator: Whereabouts;
  readonly keys: RunKeys | undefined;
  /** Seconds to wait for a coordinator that is not there yet. */
  readonly connectTimeout: number;
  /** Seconds to wait for one that is gone. */
  readonly reconnectTimeout: number;
  readonly slot: number | undefined;
  /** Workers of the run on this machine; default: where there is a slot, all of them. */
  readonly workersHere?: number | undefined;
  /** File of the memory that the coordinator shares, if it does. */
  readonly sharedFile: number | undefined;
  /** The only folder that the coordinator can name files in. */
  readonly dataRoot: string;
  /** What addresses begin with that the coordinator can name; of a root that is `/`, any can be named. */
  readonly dataUrls?: readonly string[] | undefined;
  /** Aborts when the worker should say that it leaves, and leave. */
  readonly leave: AbortSignal;
  readonly say: (line: string) => void;
}

/** Milliseconds before a coordinator that cut this worker off is tried again. */
const reconnectPause = 500;
/** Connections that are cut before they are one, after which it is the key that does not fit. */
const handshakes = 4;
/** Bytes: a worker learns how large tensors are only from the coordinator's config. */
const maxFrame = 2 ** 30;

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

/**
 * Serves a coordinator until the run is over. Where the connection is lost, or the coordinator ends before that, a resumed
 * one may come back at the same address: the worker then joins it, as a new incarnation over a new socket.
 * @throws RunError where there is no coordinator in time, or it refuses this worker; Interrupted when told to leave
 */
export function serveRuns({
  coordinator,
  keys,
  connectTimeout,
  reconnectTimeout,
  leave,
  say,
  ...options
}: ServeRunsOptions): Promise<void> {
  return whileItLasts({ coordinator, keys, connectTimeout, reconnectTimeout, leave, say }, (link, connection) =>
    serve(link, { ...options, ...connection, version, say, leave }),
  );
}

export type WhileItLastsOptions = Pick<ServeRunsOptions, 'coordinator' | 'keys' | 'connectTimeout' | 'reconnectTimeout' | 'leave' | 'say'>;

/**
 * Connects to a coordinator and serves it, again and again, until the run is over. It may send who connects to an
 * aggregator instead; whoever has lost that comes back to the coordinator.
 * @throws as `serveRuns`
 */
export async function whileItLasts(
  options: WhileItLastsOptions,
  serveOver: (link: Link, connection: Connection) => Promise<void>,
): Promise<void> {
  const { keys, leave, connectTimeout } = options;
  const way = new Way(options);
  for (;;) {
    const connection = await way.next();
    if (leave.aborted) throw new Interrupted(hasLeft);
    if (!connection) continue;
    // An aggregator that is silent is not the coordinator's end: the worker goes back to that.
    const timeout = connection.ticket === undefined ? connectTimeout : undefined;
    const patience = patienceFor(connection);
    // Who has said hello hears at least the coordinator's probes.
    const link = openLink(connection.address, maxFrame, keys, { patience, handshakeTimeout: timeout, answerTimeout: timeout });
    try {
      await serveOver(link, connection);
      return;
    } catch (error) {
      if (leave.aborted) throw new Interrupted(hasLeft);
      await pauseUnless(leave, await way.lost(error));
    } finally {
      await link.close();
    }
  }
}

/** Whose aggregator is stopped has a coordinator to go back to; nobody stands in for the coordinator. */
function patienceFor({ ticket, isSameMachine }: Connection): Patience {
  if (ticket !== undefined) return 'short';
  return isSameMachine ? 'forever' : 'long';
}

/** Where to connect next: to the coordinator, or to the aggregator that it has named. */
class Way {
  readonly #options: WhileItLastsOptions;
  #timeout: number;
  #failedHandshakes = 0;
  #move: Message<'move'> | undefined;
  /** Is the connection one to an aggregator? */
  #isBelow = false;
  #misses = 0;
  #number: number | undefined;
  #address = '';

  constructor(options: WhileItLastsOptions) {
    this.#options = options;
    this.#timeout = options.connectTimeout;
  }

  /** Waits for whoever it is; undefined where that cannot be reached, or once told to leave. @throws RunError after too long */
  async next(): Promise<Connection | undefined> {
    const { coordinator, say, leave } = this.#options;
    const move = this.#move;
    const options = { connectTimeout: this.#timeout, say, leave };
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
    const address = await reachable(addresses, leave);
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
      await reachable([this.#address], this.#options.leave);
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
async function reachable(addresses: readonly string[], leave: AbortSignal): Promise<string | undefined> {
  for (const address of addresses) {
    try {
      return await knock({ address }, { connectTimeout: 0, say: () => undefined, leave });
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
