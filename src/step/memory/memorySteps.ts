import { setImmediate as turn } from 'node:timers/promises';
import type { MemorySystem } from '../../shared/system/memorySystem.js';
import type { Incarnation } from '../../shared/transport/transport.js';
import type { StepPort, StepRequest, Version } from '../stepPort.js';
import type { Arena } from './arena.js';
import type { Channel, MemoryAnswer } from './channel.js';

/** Milliseconds that this process sleeps at most while it waits for workers that share its memory. */
const longestSleep = 10;
/** The same where some will send a message, which does not wake it. */
const shortSleep = 0.2;
/** Milliseconds after which it looks at its sockets, timers and signals, whatever there is to do. */
const turnInterval = 2;

export interface SharedAnswer {
  readonly from: Incarnation;
  readonly answer: MemoryAnswer;
  /** Where the worker has left it, in the kernel's memory; it stays until the worker is asked again. */
  readonly gradient: Float32Array | undefined;
}

/** The workers that share the coordinator's memory: a step is a few numbers in a mailbox there, and a word that wakes. */
export class MemorySteps implements StepPort {
  readonly #arena: Arena;
  readonly #system: MemorySystem;
  readonly #channels = new Map<Incarnation, Channel>();
  readonly #joining = new Map<Incarnation, Channel>();
  #hasAsked = false;
  #lastTurn = 0;

  constructor(arena: Arena, system: MemorySystem) {
    this.#arena = arena;
    this.#system = system;
  }

  /** A process has started that gets a channel whose last owner has ended: nothing that was said to that one is for it. */
  clear(channel: number): void {
    this.#arena.channels[channel]?.requests.clear();
    this.#arena.channels[channel]?.answers.clear();
  }

  /**
   * It reads its mailbox from the next step on. Until then it is sent messages: what the process before it has left there
   * may still be needed.
   */
  attach(worker: Incarnation, number: number): void {
    const channel = this.#arena.channels[number];
    if (channel) this.#joining.set(worker, channel);
  }

  left(worker: Incarnation): void {
    this.#channels.delete(worker);
    this.#joining.delete(worker);
  }

  begin(): void {
    for (const [worker, channel] of this.#joining) this.#channels.set(worker, channel);
    this.#joining.clear();
  }

  /** Leaves a request, to be seen at the next call. */
  ask(worker: Incarnation, request: StepRequest, { values }: Version): boolean {
    const channel = this.#channels.get(worker);
    const weights = this.#arena.weights.indexOf(values);
    if (!channel || weights < 0 || !channel.ask({ ...request, weights })) return false;
    this.#hasAsked = true;
    return true;
  }

  /**
   * Wakes all of them, if one was asked for something. With one call for each, the first to wake could take the
   * coordinator's core before the others are called.
   */
  #call(): void {
    if (!this.#hasAsked) return;
    this.#hasAsked = false;
    Atomics.add(this.#arena.calls, 0, 1);
    this.#system.wake(this.#arena.calls);
  }

  /**
   * Takes answers until all that is waited for has come. Sleeps until the next one, but never so long that sockets, timers
   * and signals wait.
   * @param owing who is waited for; undefined where something else is, too
   */
  async take(isOver: () => boolean, owing: () => readonly Incarnation[] | undefined, hear: (answer: SharedAnswer) => void): Promise<void> {
    this.#call();
    // Whoever has asked for this may have something to do first.
    await undefined;
    while (this.#channels.size > 0 && !isOver()) {
      const all = owing();
      const mayWait = all?.every((worker) => this.#channels.has(worker)) ?? false;
      const answers = this.#answers(mayWait ? longestSleep : shortSleep);
      for (const answer of answers) hear(answer);
      const now = performance.now();
      if (answers.length > 0 && now - this.#lastTurn < turnInterval) continue;
      await turn();
      this.#lastTurn = performance.now();
    }
  }

  /** All answers that are there. Where there are none, waits for one, at most so many milliseconds. Calls whom was asked. */
  #answers(milliseconds: number): SharedAnswer[] {
    this.#call();
    const arrivals = Atomics.load(this.#arena.arrivals, 0);
    const found = this.#collect();
    if (found.length > 0) return found;
    this.#system.wait(this.#arena.arrivals, arrivals, milliseconds);
    return this.#collect();
  }

  #collect(): SharedAnswer[] {
    const found: SharedAnswer[] = [];
    for (const [from, channel] of this.#channels) {
      for (let answer = channel.takeAnswer(); answer; answer = channel.takeAnswer()) {
        found.push({ from, answer, gradient: channel.gradients[answer.gradient] });
      }
    }
    return found;
  }
}
