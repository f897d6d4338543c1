import { Context, Dealer } from 'zeromq';
import { errorCode } from '../text/errors.js';
import { isIpv6 } from './address.js';
import { heartbeat, linger, watch } from './socketEvents.js';
import type { Link, LinkOptions } from './transport.js';

/** Milliseconds of silence after which a link is lost. */
const silences = { short: heartbeat.heartbeatTimeout, long: 20_000 };
/** Milliseconds that a link which was cut waits for what is on its way. */
const lastWords = 100;

/** Connects a worker over ZeroMQ; see Transport. */
export function openLink(address: string, { maxFrameBytes, keys, patience = 'short', handshakeTimeout, answerTimeout }: LinkOptions): Link {
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
