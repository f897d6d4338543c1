import { rmSync } from 'node:fs';
import { longestSocketPath, makeTemporaryFolder } from '../shared/files/temporaryFolder.js';
import { decodeFromCoordinator, encode, type Message } from '../shared/protocol/protocol.js';
import { version } from '../shared/system/version.js';
import { atMost, saidOfStrangers } from '../shared/text/atMost.js';
import { errorMessage, Interrupted, ProtocolError, RunError } from '../shared/text/errors.js';
import { printableLine } from '../shared/text/printable.js';
import { addressAt, hostInAddress } from '../shared/transport/address.js';
import { sockets } from '../shared/transport/sockets.js';
import type { Hub, Link } from '../shared/transport/transport.js';
import { helloOf } from '../worker/connection/hello.js';
import { CoordinatorEnded, hasLeft, LinkLost, linkEnd, Moved } from '../worker/connection/linkErrors.js';
import type { Connection } from '../worker/connection/way.js';
import { Subtree, type SubtreeOptions } from './subtree.js';

/** Bytes: how large tensors are it learns only from the coordinator's config. */
const maxFrame = 2 ** 30;

/**
 * Serves one run as an aggregator: lets in who is sent to it, passes weights and assignments down, adds gradients up in the
 * tree's order, and passes the sums on, until told to stop.
 * @throws as a worker's `serve`
 */
export async function serveAggregator(link: Link, connection: Connection, options: SubtreeOptions): Promise<void> {
  if (options.leave.aborted) throw new Interrupted(hasLeft);
  const { transport = sockets } = options;
  const own = await transport.ownAddressTowards(connection.address);
  if (own === undefined) throw new LinkLost(`${connection.address} does not answer any more`);
  const folder = makeTemporaryFolder({ longest: longestSocketPath, name: 'hub', say: options.say });
  // Of this machine alone: who comes that way may share memory.
  const alsoAt = `ipc://${folder}/hub`;
  const { keys, bind = `tcp://${hostInAddress(own)}:0`, advertise = own, say } = options;
  const leave = (): void => {
    link.send(encode({ type: 'leaving' }));
    void link.close();
  };
  options.leave.addEventListener('abort', leave, { once: true });
  // It may have been told while its own address was looked for.
  if (options.leave.aborted) leave();
  try {
    const hub = await transport.openHub({
      address: bind,
      alsoAt,
      maxFrameBytes: maxFrame,
      keys,
      onTurnedAway: atMost(saidOfStrangers, say),
    });
    link.send(encode(helloOf('aggregator', { ...connection, version, slot: options.slot })));
    const session = new Session(link, hub, options, [alsoAt, addressAt(hub.address, advertise)]);
    try {
      if (await session.serve()) return;
    } finally {
      // Those below go back to the coordinator.
      await session.close();
    }
  } finally {
    options.leave.removeEventListener('abort', leave);
    rmSync(folder, { recursive: true, force: true });
  }
  if (options.leave.aborted) throw new Interrupted(hasLeft);
  throw linkEnd(link);
}

/** One connection of an aggregator. */
class Session {
  readonly #link: Link;
  readonly #hub: Hub;
  readonly #options: SubtreeOptions;
  readonly #listens: readonly string[];
  #subtree: Subtree | undefined;

  constructor(link: Link, hub: Hub, options: SubtreeOptions, listens: readonly string[]) {
    this.#link = link;
    this.#hub = hub;
    this.#options = options;
    this.#listens = listens;
  }

  /** Says whether the run is over; else the link is. */
  async serve(): Promise<boolean> {
    for await (const frames of this.#link.messages()) {
      const { slices = [], unpack } = this.#subtree ?? {};
      const { message, tensors, samples = [] } = decodeFromCoordinator(frames, slices, unpack);
      switch (message.type) {
        case 'configure':
          this.#subtree = this.#open(message);
          break;
        case 'step':
          this.#expect(message.type).step(message, tensors);
          break;
        case 'evaluate':
          this.#expect(message.type).evaluate(message, tensors);
          break;
        case 'weights':
          this.#expect(message.type).announce(message, tensors);
          break;
        case 'samples':
          this.#expect(message.type).wanted.take(message, samples);
          break;
        case 'admit':
          this.#expect(message.type).relay.admit(message.ticket);
          break;
        case 'dismiss':
          this.#expect(message.type).relay.dismiss(message);
          break;
        case 'probe':
          break;
        case 'move':
          throw new Moved(message);
        case 'measure':
          throw new ProtocolError('the coordinator sent measure to an aggregator');
        case 'reconnect':
          throw new LinkLost(`the coordinator had given up on this aggregator (${message.reason})`);
        case 'refuse':
          throw new RunError(`the coordinator says: ${printableLine(message.reason)}`);
        case 'stop':
          await this.#subtree?.close(message.isOver, false);
          this.#link.send(encode({ type: 'leaving' }));
          if (!message.isOver) throw new CoordinatorEnded('the coordinator has ended before the run was over');
          return true;
        default:
          message satisfies never;
      }
    }
    if (this.#subtree?.failure) throw this.#subtree.failure;
    return false;
  }

  async close(): Promise<void> {
    if (this.#subtree) await this.#subtree.close(false, true);
    else await this.#hub.close();
  }

  #open(message: Message<'configure'>): Subtree {
    const { say } = this.#options;
    let subtree: Subtree;
    try {
      subtree = new Subtree(message, this.#hub, this.#link, this.#options);
    } catch (error) {
      this.#link.send(encode({ type: 'failed', reason: errorMessage(error).slice(0, 4_000) }));
      throw error;
    }
    this.#link.send(encode({ type: 'open', listens: this.#listens }));
    say(`lets workers in at ${this.#listens[1]}`);
    return subtree;
  }

  #expect(type: string): Subtree {
    if (!this.#subtree) throw new ProtocolError(`the coordinator sent ${type} before configure`);
    return this.#subtree;
  }
}
