import { Context, curveKeyPair, Dealer, type Event, Reply, Router } from 'zeromq';
import { errorCode, RunError, UsageError } from '../text/errors.js';
import { isIpv6 } from './address.js';
import type { RunKeys } from './keys.js';

/** The sockets, and the only file that knows ZeroMQ: a hub for the coordinator, a link for each worker. */

/** Names one connection of one worker; a worker that comes back has another. */
export type Incarnation = string;

export type Frames = readonly Uint8Array[];

/**
 * ZMTP heartbeats run in the I/O thread: a worker that computes for long is alive, one that is stopped is not. Each side
 * asks for itself. A time to live, which would have the other side end the connection after a silence, is left out: its
 * timer is always running, so a side that was stopped would end all its connections before it reads what has come.
 */
const heartbeat = { heartbeatInterval: 1_000, heartbeatTimeout: 5_000 };
/** Milliseconds of silence after which a link is lost. */
const silences = { short: heartbeat.heartbeatTimeout, long: 20_000 };
/** Milliseconds that a link which was cut waits for what is on its way. */
const lastWords = 100;
/** Milliseconds that closing waits for the last messages to leave. */
const linger = 500;

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

/**
 * Binds the coordinator's socket.
 * @throws UsageError where the address is taken or not to be had
 */
export async function openHub({ address, alsoAt, maxFrameBytes, keys, onTurnedAway }: HubOptions): Promise<Hub> {
  const context = new Context();
  const gate = keys && (await openGate(context, keys, onTurnedAway));
  // A send never waits for a peer: it goes out, or its peer is gone. Mandatory makes an unknown peer an error.
  const socket = new Router({
    context,
    // Only where it is needed: a kernel may have none.
    ipv6: isIpv6(address),
    mandatory: true,
    sendTimeout: 0,
    linger,
    maxMessageSize: maxFrameBytes,
    ...heartbeat,
    ...(keys && { curveServer: true, curveSecretKey: keys.coordinatorSecret, zapDomain: 'bpnn-dist' }),
  });
  let turnedAway = 0;
  const events = watch(socket, (event) => {
    // One that breaks off in the middle is a worker that has only knocked.
    if (event.type === 'handshake:error:protocol' || event.type === 'handshake:error:auth') turnedAway++;
    // The gate has told of an unknown key, and from where it came.
    if (event.type === 'handshake:error:protocol') onTurnedAway?.(`a connection was turned away: ${handshakeFailure(event.error)}`);
  });
  let bound = address;
  try {
    if (alsoAt !== undefined) await socket.bind(alsoAt);
    await socket.bind(address);
    bound = socket.lastEndpoint ?? address;
  } catch (error) {
    events.close();
    socket.close();
    gate?.close();
    throw new UsageError(`cannot listen on ${address}: ${bindFailure(error)}`);
  }
  const queue: { to: Incarnation; frames: Frames; onUnreachable: () => void }[] = [];
  let pumping: Promise<void> | undefined;
  const pump = async (): Promise<void> => {
    // One send in flight a socket: a second one fails with EBUSY.
    for (let next = queue.shift(); next && !socket.closed; next = queue.shift()) {
      try {
        await socket.send([Buffer.from(next.to, 'hex'), ...next.frames]);
      } catch (error) {
        if (socket.closed) return;
        if (!['EHOSTUNREACH', 'EAGAIN'].includes(errorCode(error))) throw error;
        next.onUnreachable();
      }
    }
  };
  const drain = (): void => {
    pumping ??= pump().finally(() => {
      pumping = undefined;
      if (queue.length > 0 && !socket.closed) drain();
    });
  };
  return {
    address: bound,
    send(to, frames, onUnreachable) {
      queue.push({ to, frames, onUnreachable });
      drain();
    },
    get turnedAway() {
      return turnedAway;
    },
    async *messages() {
      for await (const [peer, ...frames] of socket) yield { from: peer?.toString('hex') ?? '', frames };
    },
    async close() {
      if (socket.closed) return;
      await pumping;
      events.close();
      socket.close();
      gate?.close();
    },
  };
}

/** Keys for a new run. */
export function newKeys(): RunKeys {
  const [coordinator, worker] = [curveKeyPair(), curveKeyPair()];
  return {
    coordinatorPublic: coordinator.publicKey,
    coordinatorSecret: coordinator.secretKey,
    workerPublic: worker.publicKey,
    workerSecret: worker.secretKey,
  };
}

/** Answers ZeroMQ's question, for every connection, whether it may come in (ZeroMQ RFC 27, ZAP). */
async function openGate(context: Context, { workerPublic }: RunKeys, onTurnedAway?: (line: string) => void): Promise<Reply> {
  const gate = new Reply({ context, linger: 0 });
  await gate.bind('inproc://zeromq.zap.01');
  const expected = decodeZ85(workerPublic);
  const answer = async (): Promise<void> => {
    for await (const [version, id, , address, , mechanism, key] of gate) {
      const isKnown = mechanism?.toString() === 'CURVE' && key?.equals(expected) === true;
      if (!isKnown) onTurnedAway?.(`a connection from ${address} was turned away: it has not the key of the run's workers`);
      await gate.send([version ?? '1.0', id ?? '', isKnown ? '200' : '400', isKnown ? 'OK' : 'unknown key', '', '']);
    }
  };
  answer().catch((error: unknown) => {
    if (!gate.closed) throw error;
  });
  return gate;
}

const z85 = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';

/** Five characters to four bytes, base 85 (ZeroMQ RFC 32). */
function decodeZ85(text: string): Buffer {
  const bytes = Buffer.alloc((text.length / 5) * 4);
  for (let i = 0; i < text.length; i += 5) {
    const value = [...text.slice(i, i + 5)].reduce((sum, digit) => sum * 85 + z85.indexOf(digit), 0);
    bytes.writeUInt32BE(value, (i / 5) * 4);
  }
  return bytes;
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
  readonly patience?: Patience;
  readonly handshakeTimeout?: number | undefined;
  readonly answerTimeout?: number | undefined;
}

/**
 * Connects a worker once: when the connection ends, so does the link. An address that does not answer is no error here.
 * @param handshakeTimeout seconds after which the link ends if the other side accepts the connection and says nothing
 * @param answerTimeout seconds after which it ends if the other side has sent no message
 */
export function openLink(
  address: string,
  maxFrameBytes: number,
  keys?: RunKeys,
  { patience = 'short', handshakeTimeout, answerTimeout }: LinkOptions = {},
): Link {
  // Of its own, whose threads and files go when it is collected: in a context that is shared, the observer of a new
  // socket may take the name of one that is still going (EADDRINUSE).
  const context = new Context();
  // Never under an old identity: a socket that came back by itself could be black-holed.
  const socket = new Dealer({
    context,
    ipv6: isIpv6(address),
    reconnectInterval: -1,
    linger,
    maxMessageSize: maxFrameBytes,
    ...(patience !== 'forever' && { ...heartbeat, heartbeatTimeout: silences[patience] }),
    ...(keys && { curvePublicKey: keys.workerPublic, curveSecretKey: keys.workerSecret, curveServerKey: keys.coordinatorPublic }),
  });
  let lossReason: string | undefined;
  let isReceiving = false;
  let isTurnedAway: Link['isTurnedAway'] = 'no';
  let tellLost: () => void = () => undefined;
  const loss = new Promise<void>((resolve) => {
    tellLost = resolve;
  });
  const loseBy = (reason: string) => (): void => {
    lossReason ??= reason;
    // What is still to be sent would wait for a connection that does not come, and so would the end of the process.
    if (!socket.closed) socket.linger = 0;
    tellLost();
    // What has arrived before is still read: the last word of a run may be among it.
    setTimeout(() => {
      if (isReceiving) socket.close();
    }, lastWords);
  };
  const turnedAway = (how: 'perhaps' | 'yes'): void => {
    isTurnedAway = how;
    loseBy(`the coordinator at ${address} did not accept ${keys ? 'this key' : 'a connection without a key (--key FILE)'}`)();
  };
  const lost = loseBy('the connection to the coordinator is lost');
  const silent = (seconds: number | undefined, what: string): NodeJS.Timeout | undefined => {
    if (seconds === undefined) return undefined;
    const giveUp = (): void => {
      isTurnedAway = 'yes';
      loseBy(`no coordinator at ${address}: it ${what} within ${seconds} s`)();
    };
    return setTimeout(giveUp, Math.max(1, seconds) * 1_000).unref();
  };
  // ZeroMQ itself gives a handshake 30 s, after which the worker would come again.
  const timer = silent(handshakeTimeout, 'accepts connections, but sent no ZeroMQ handshake');
  const answerTimer = silent(answerTimeout, 'speaks ZeroMQ, but did not answer');
  const events = watch(socket, ({ type }) => {
    if (type === 'handshake' || type.startsWith('handshake:error')) clearTimeout(timer);
    // `close` is a connection that never came about.
    if (type === 'disconnect' || type === 'close') lost();
    if (type === 'handshake:error:auth') turnedAway('yes');
    if (type === 'handshake:error:protocol' || type === 'handshake:error:other') turnedAway('perhaps');
  });
  socket.connect(address);
  let sending: Promise<unknown> = Promise.resolve();
  return {
    send(frames) {
      sending = sending.then(async () => {
        if (!socket.closed) await socket.send([...frames]);
      });
      sending.catch((error: unknown) => {
        // It can reach nobody any more: that the link is lost is told by its end.
        if (!socket.closed && errorCode(error) !== 'EAGAIN') throw error;
      });
    },
    async *messages() {
      while (!socket.closed) {
        if (lossReason !== undefined) socket.receiveTimeout = lastWords;
        isReceiving = true;
        const frames = await socket.receive().catch(() => undefined);
        isReceiving = false;
        if (!frames) return;
        clearTimeout(answerTimer);
        yield frames;
      }
    },
    get isTurnedAway() {
      return isTurnedAway;
    },
    get lossReason() {
      return lossReason;
    },
    async close() {
      // To a coordinator that is gone, a message would wait for ever.
      await Promise.race([sending.catch(() => undefined), loss]);
      clearTimeout(timer);
      clearTimeout(answerTimer);
      events.close();
      socket.close();
    },
  };
}

/**
 * Tells what happens to a socket's connections, until it is closed. A socket that closes does not always get to tell its
 * observer, which would then keep the process alive for ever: so close both, the observer first.
 */
function watch(socket: Dealer | Router, onEvent: (event: Event) => void): { close(): void } {
  const { events } = socket;
  const follow = async (): Promise<void> => {
    while (!events.closed) onEvent(await events.receive());
  };
  // What it waits for fails when it is closed, and so does closing it.
  follow().catch(() => undefined);
  return {
    close() {
      try {
        events.close();
      } catch (error) {
        if (errorCode(error) !== 'ENOTSOCK') throw error;
      }
    },
  };
}

function handshakeFailure(error: Error): string {
  switch (errorCode(error)) {
    case 'ERR_ZMTP_MECHANISM_MISMATCH':
      return 'it came without a key, and this run needs one';
    case 'ERR_ZMTP_CRYPTOGRAPHIC':
      return 'its keys are not those of this run';
    default:
      return `it does not keep to ZeroMQ's protocol (${errorCode(error)})`;
  }
}

function bindFailure(error: unknown): string {
  switch (errorCode(error)) {
    case 'EADDRINUSE':
      return 'the port is in use; choose another, or 0 for any that is free';
    case 'EACCES':
      return 'permission denied';
    case 'EADDRNOTAVAIL':
    case 'ENODEV':
    case 'EAFNOSUPPORT':
      return 'this machine has no such address';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

/** @throws RunError on systems that it does not run on */
export function refuseWindows(platform: string): void {
  if (platform === 'win32') throw new RunError('bpnn-dist runs on Linux and macOS; on Windows use WSL');
}
