import { now } from '../shared/system/clock.js';
import { version } from '../shared/system/version.js';
import { ProtocolError, RunError } from '../shared/text/errors.js';
import type { Hub, Incarnation } from '../shared/transport/transport.js';
import { type FromPeer, frameBytes, framesOf, readFromPeer, type ToPeer } from './messages.js';

/** What was measured between here and one peer. */
export interface PeerFigures {
  readonly name: string;
  readonly host: string;
  /** Milliseconds there and back: the median, and what all but one of a hundred take at most. */
  readonly roundTripMs: number;
  readonly roundTripP99Ms: number;
  /** Megabits a second of what a run sends: to the peer, as weights go, and from it, as gradients do. */
  readonly toMbit: number;
  readonly fromMbit: number;
  /** How far its clock is ahead of this one's, in milliseconds, and by how much that may be wrong. */
  readonly clockMs: number;
  readonly clockErrorMs: number;
}

export interface NetworkFigures {
  readonly peers: readonly PeerFigures[];
  /** Megabits a second to all peers at once, and from all. */
  readonly toAllMbit: number;
  readonly fromAllMbit: number;
}

export interface CheckOptions {
  readonly hub: Hub;
  readonly count: number;
  /** Seconds to wait for all peers. */
  readonly timeout: number;
  readonly say: (line: string) => void;
  /** Ends the waiting, with why nobody else will come. */
  readonly failed?: Promise<never>;
}

const pings = 200;
/** Before them, while both sides warm up. */
const warmUps = 50;
/** Milliseconds that a transfer must take at least for its rate to be believed. */
const longEnough = 300;
const mostFrames = 512;
/** Seconds in which a peer must have answered. */
const answerTimeout = 60;

/**
 * Waits for all peers, then measures one after the other, and at last all at once.
 * @throws RunError where they do not come, or are lost
 */
export function checkNetwork({ failed, ...options }: CheckOptions): Promise<NetworkFigures> {
  const figures = measureAll(options);
  return failed ? Promise.race([figures, failed]) : figures;
}

async function measureAll({ hub, count, timeout, say }: Omit<CheckOptions, 'failed'>): Promise<NetworkFigures> {
  const peers = new Peers(hub, count);
  await peers.complete(timeout);
  peers.all.sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
  const figures: PeerFigures[] = [];
  for (const peer of peers.all) {
    say(`measuring ${peer.name}`);
    figures.push(await figuresOf(peer));
  }
  say('measuring all at once');
  const toAllMbit = await rate((frames) => peers.together((peer) => peer.give(frames)), count);
  const fromAllMbit = await rate((frames) => peers.together((peer) => peer.take(frames)), count);
  for (const peer of peers.all) peer.tell({ type: 'stop' });
  return { peers: figures, toAllMbit, fromAllMbit };
}

async function figuresOf(peer: Peer): Promise<PeerFigures> {
  for (let id = 0; id < warmUps; id++) await peer.ask({ type: 'ping', id }, 'pong');
  const trips: { readonly took: number; readonly ahead: number }[] = [];
  for (let id = 0; id < pings; id++) {
    const sentAt = now();
    const { at } = await peer.ask({ type: 'ping', id }, 'pong');
    const gotAt = now();
    trips.push({ took: gotAt - sentAt, ahead: at - (sentAt + gotAt) / 2 });
  }
  trips.sort((a, b) => a.took - b.took);
  const at = (share: number): number => trips[Math.min(trips.length - 1, Math.floor(share * trips.length))]?.took ?? Number.NaN;
  // What took least has waited least on either way: the other clock was read within half of it.
  const best = trips[0] ?? { took: Number.NaN, ahead: Number.NaN };
  return {
    name: peer.name,
    host: peer.host,
    roundTripMs: at(0.5),
    roundTripP99Ms: at(0.99),
    toMbit: await rate((frames) => peer.give(frames), 1),
    fromMbit: await rate((frames) => peer.take(frames), 1),
    clockMs: best.ahead,
    clockErrorMs: best.took / 2,
  };
}

/** Megabits a second of transfers of more and more frames, until one takes long enough. @param times how often it moves them at once */
async function rate(move: (frames: number) => Promise<unknown>, times: number): Promise<number> {
  for (let frames = 2; ; frames *= 2) {
    const startedAt = performance.now();
    await move(frames);
    const took = performance.now() - startedAt;
    if (took >= longEnough || frames * 2 > mostFrames) return (frames * times * frameBytes * 8) / took / 1_000;
  }
}

/** Everyone that was waited for. */
class Peers {
  readonly all: Peer[] = [];
  readonly #hub: Hub;
  readonly #count: number;
  readonly #byName = new Map<Incarnation, Peer>();
  #complete: () => void = () => undefined;
  #lose: (reason: Error) => void = () => undefined;
  readonly #lost: Promise<never>;

  constructor(hub: Hub, count: number) {
    this.#hub = hub;
    this.#count = count;
    this.#lost = new Promise((_, reject) => {
      this.#lose = reject;
    });
    this.#lost.catch(() => undefined);
    this.#listen().catch((error: unknown) => this.#lose(error instanceof Error ? error : new RunError(String(error))));
  }

  async complete(timeout: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const tell = (): void => reject(new RunError(`${this.all.length} of ${this.#count} have come within ${timeout} s`));
      timer = setTimeout(tell, timeout * 1_000);
    });
    const all = new Promise<void>((resolve) => {
      this.#complete = resolve;
      if (this.all.length === this.#count) resolve();
    });
    try {
      await Promise.race([all, late, this.#lost]);
    } finally {
      clearTimeout(timer);
    }
  }

  together(move: (peer: Peer) => Promise<unknown>): Promise<unknown> {
    return Promise.all(this.all.map(move));
  }

  async #listen(): Promise<void> {
    for await (const { from, frames } of this.#hub.messages()) {
      const known = this.#byName.get(from);
      try {
        const message = readFromPeer(frames);
        if (known) known.hear(message);
        else this.#welcome(from, message);
      } catch (error) {
        if (!(error instanceof ProtocolError) || known) throw error;
        this.#hub.send(from, framesOf({ type: 'refuse', reason: error.message }), () => undefined);
      }
    }
  }

  #welcome(from: Incarnation, message: FromPeer): void {
    const send = (reply: ToPeer): void => this.#hub.send(from, framesOf(reply), () => this.#lose(new RunError(`a peer is gone`)));
    if (message.type !== 'hello' || message.version !== version || this.all.length === this.#count) {
      const got = message.type === 'hello' ? `bpnn-dist ${message.version}` : message.type;
      send({ type: 'refuse', reason: `expected one of ${this.#count} peers of bpnn-dist ${version}, got ${got}` });
      return;
    }
    const peer = new Peer(message.name, message.host, send, this.#lost);
    this.#byName.set(from, peer);
    this.all.push(peer);
    if (this.all.length === this.#count) this.#complete();
  }
}

/** One of them. */
class Peer {
  readonly name: string;
  readonly host: string;
  readonly tell: (message: ToPeer) => void;
  readonly #lost: Promise<never>;
  #hear: (message: FromPeer) => void = () => undefined;

  constructor(name: string, host: string, tell: (message: ToPeer) => void, lost: Promise<never>) {
    this.name = name;
    this.host = host;
    this.tell = tell;
    this.#lost = lost;
  }

  hear(message: FromPeer): void {
    this.#hear(message);
  }

  /** Says something, and waits for an answer of a kind. */
  async ask<T extends FromPeer['type']>(message: ToPeer, kind: T): Promise<Extract<FromPeer, { type: T }>> {
    const answer = this.#next(kind);
    this.tell(message);
    return answer;
  }

  /** Sends so many frames of data, and waits until they have come. */
  async give(frames: number): Promise<void> {
    for (let i = 0; i < frames; i++) this.tell({ type: 'data' });
    await this.ask({ type: 'end' }, 'got');
  }

  /** Has so many frames of data sent here. */
  async take(frames: number): Promise<void> {
    await this.ask({ type: 'send', frames }, 'got');
  }

  async #next<T extends FromPeer['type']>(kind: T): Promise<Extract<FromPeer, { type: T }>> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new RunError(`${this.name} has not answered within ${answerTimeout} s`)), answerTimeout * 1_000);
    });
    const answer = new Promise<Extract<FromPeer, { type: T }>>((resolve) => {
      this.#hear = (message) => {
        if (message.type === kind) resolve(message as Extract<FromPeer, { type: T }>);
      };
    });
    try {
      return await Promise.race([answer, late, this.#lost]);
    } finally {
      clearTimeout(timer);
    }
  }
}
