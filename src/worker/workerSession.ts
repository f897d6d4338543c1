import { decodeFromCoordinator, type Message, sendingOver } from '../shared/protocol/protocol.js';
import { oneAtATime } from '../shared/system/oneAtATime.js';
import { Interrupted, ProtocolError, RunError } from '../shared/text/errors.js';
import { printableLine } from '../shared/text/printable.js';
import type { Frames, Link } from '../shared/transport/transport.js';
import type { Send } from '../step/messages/gradientFrames.js';
import { evaluateChunks } from './compute/evaluator.js';
import { answerStep, serveMemory } from './compute/stepServer.js';
import { helloOf } from './connection/hello.js';
import { inbox } from './connection/inbox.js';
import { CoordinatorEnded, hasLeft, LinkLost, linkEnd, Moved } from './connection/linkErrors.js';
import { measure, type Prepared, prepare } from './getReady.js';
import type { WorkerOptions } from './options.js';
import { DataWait, NoLongerWanted } from './samples/dataWait.js';
import { onSamples, orFailed, unlessUnwanted } from './samples/unwanted.js';

/**
 * Serves one run over a link: hello, get ready, answer assignments until told to stop.
 * @throws LinkLost when cut off, Interrupted when told to leave before the run is over, RunError when refused or when the
 *   data or the engine cannot be had
 */
export async function serve(link: Link, options: WorkerOptions): Promise<void> {
  if (options.leave.aborted) throw new Interrupted(hasLeft);
  const session = new WorkerSession(link, options);
  const leave = (): void => session.leave();
  options.leave.addEventListener('abort', leave, { once: true });
  try {
    if (await session.serve()) return;
  } finally {
    options.leave.removeEventListener('abort', leave);
    await session.close();
  }
  if (session.failure !== undefined) throw session.failure;
  if (options.leave.aborted) throw new Interrupted(hasLeft);
  throw linkEnd(link);
}

/** One connection of a worker. */
class WorkerSession {
  /** Why it cannot go on, where it has found that beside the messages. */
  failure: unknown;
  readonly #link: Link;
  readonly #options: WorkerOptions;
  readonly #send: Send;
  readonly #data: DataWait;
  readonly #alone = oneAtATime();
  readonly #over = new AbortController();
  #prepared: Prepared | undefined;
  /** Answers what is asked in shared memory. */
  #memory: Promise<void> | undefined;

  constructor(link: Link, options: WorkerOptions) {
    this.#link = link;
    this.#options = options;
    this.#send = sendingOver(link);
    this.#data = new DataWait(this.#send);
    this.#send(helloOf('worker', { ...options, slot: options.slot }));
  }

  /** Answers messages one by one. Says whether the run is over; else the link is. */
  async serve(): Promise<boolean> {
    const { leave } = this.#options;
    const ports = {
      takes: (frames: Frames) => this.#data.takes(frames),
      onEnd: (error: unknown) => this.#data.end(error ?? (leave.aborted ? new Interrupted(hasLeft) : linkEnd(this.#link))),
    };
    for await (const frames of inbox(this.#link, ports)) {
      const { slices = [], computer } = this.#prepared ?? {};
      const { message, tensors } = decodeFromCoordinator(frames, slices, computer?.halves?.unpack);
      switch (message.type) {
        case 'measure':
          this.#measure(message);
          break;
        case 'configure':
          await this.#prepare(message);
          break;
        case 'step':
          await this.#step(this.#expect(message.type), message, tensors);
          break;
        case 'evaluate':
          await this.#evaluate(this.#expect(message.type), message, tensors);
          break;
        case 'weights':
          this.#expect(message.type).weights.take(message.version, [message.slice], tensors);
          break;
        case 'probe':
          break;
        case 'reconnect':
          throw new LinkLost(`this worker is to come again: ${message.reason}`);
        case 'refuse':
          throw new RunError(`the coordinator says: ${printableLine(message.reason)}`);
        case 'move':
          throw new Moved(message);
        case 'admit':
        case 'dismiss':
        case 'samples':
          throw new ProtocolError(`the coordinator sent ${message.type} to a worker`);
        case 'stop':
          this.#send({ type: 'leaving' });
          if (!message.isOver) throw new CoordinatorEnded('the coordinator has ended before the run was over');
          return true;
        default:
          message satisfies never;
      }
    }
    return false;
  }

  leave(): void {
    this.#send({ type: 'leaving' });
    void this.#link.close();
  }

  async close(): Promise<void> {
    this.#over.abort();
    this.#data.end(new NoLongerWanted('it is over'));
    await this.#memory;
    await this.#prepared?.engine.close();
    this.#prepared?.samples.close();
  }

  /** Beside the messages to come: the run may be over before this is. */
  #measure(message: Message<'measure'>): void {
    const { signal } = this.#over;
    orFailed(() => measure(message, this.#options, signal), this.#send).then(
      (measured) => signal.aborted || this.#send({ type: 'measured', ...measured }),
      (error: unknown) => signal.aborted || this.#fail(error),
    );
  }

  async #prepare(message: Message<'configure'>): Promise<void> {
    const work = (): Promise<Prepared> => prepare(message, this.#options, this.#data, this.#send);
    this.#prepared = await unlessUnwanted(() => orFailed(() => this.#data.preparing(work), this.#send));
    if (!this.#prepared) return;
    const { library, provider } = this.#prepared.engine.identity;
    this.#memory = this.#serveMemory(this.#prepared);
    this.#options.say(`ready: ${library} ${provider}`);
  }

  async #serveMemory({ computer, shared, slices }: Prepared): Promise<void> {
    const { arena } = computer;
    const channel = shared && arena?.channels[shared.channel];
    if (!arena || !channel) return;
    const { system } = shared.memory;
    const duty = { arena, channel, system, computer, alone: this.#alone, send: this.#send, slices, signal: this.#over.signal };
    try {
      await onSamples(() => serveMemory(duty), this.#send);
    } catch (error) {
      this.#fail(error);
    }
  }

  #step({ computer, slices, weights }: Prepared, message: Message<'step'>, tensors: readonly Float32Array[]): Promise<void> {
    const { version, slices: sent, work, batch } = message;
    const nodes = message.nodes.map(([from, to]) => ({ from, to }));
    const answer = (): Promise<void> => {
      weights.take(version, sent, tensors);
      return answerStep({ computer, slices, send: this.#send }, { work, batch, nodes }, weights.whole(version));
    };
    return onSamples(() => this.#alone(answer), this.#send);
  }

  #evaluate({ evaluator, weights }: Prepared, message: Message<'evaluate'>, tensors: readonly Float32Array[]): Promise<void> {
    const { version, slices: sent } = message;
    const answer = (): Promise<void> => {
      weights.take(version, sent, tensors);
      return evaluateChunks(evaluator, message, weights.whole(version), this.#send);
    };
    return onSamples(() => this.#alone(answer), this.#send);
  }

  #fail(error: unknown): void {
    this.failure = error;
    void this.#link.close();
  }

  #expect(type: string): Prepared {
    if (!this.#prepared) throw new ProtocolError(`the coordinator sent ${type} before configure`);
    return this.#prepared;
  }
}
