import { setImmediate as turn } from 'node:timers/promises';
import type { Slices } from '../../shared/model/slices.js';
import { now } from '../../shared/system/clock.js';
import type { MemorySystem } from '../../shared/system/memorySystem.js';
import type { Arena } from '../../step/memory/arena.js';
import type { Channel, MemoryRequest } from '../../step/memory/channel.js';
import { type Send, sendGradient } from '../../step/messages/gradientFrames.js';
import type { NodeAnswer, StepRequest } from '../../step/stepPort.js';
import type { ShardComputer } from './shardComputer.js';

/** Where a step's gradients go. */
interface Reply {
  /** Are they to be left in the memory that is shared, as far as there is room? */
  readonly toOutbox: boolean;
  /** Takes one. What it returns is waited for before the next is computed. */
  readonly give: (answer: NodeAnswer, gradient: Float32Array) => Promise<void> | undefined;
}

/** Computes what is asked of a step, node by node: the one way from a request to gradients. */
async function computeStep(computer: ShardComputer, request: StepRequest, weights: Float32Array, reply: Reply): Promise<void> {
  const { work, batch, nodes } = request;
  // Only what must be waited for is: each wait costs a turn.
  const begun = computer.beginWork(batch.step, weights);
  if (begun) await begun;
  for (const node of nodes) {
    const coming = computer.fetch(batch, node);
    if (coming) await coming;
    const startedAt = now();
    const { gradient, shards } = await computer.gradient(batch, node, reply.toOutbox);
    const given = reply.give({ work, node, shards, startedAt, computeMs: now() - startedAt }, gradient);
    if (given) await given;
  }
  // While the coordinator works.
  computer.expectNext(batch, nodes);
}

/** What answers steps that are asked for in messages. */
export interface MessageDuty {
  readonly computer: ShardComputer;
  readonly slices: Slices;
  readonly send: Send;
}

/** Answers a step that was asked for in a message, then reads samples ahead. */
export async function answerStep({ computer, slices, send }: MessageDuty, request: StepRequest, weights: Float32Array): Promise<void> {
  await computeStep(computer, request, weights, {
    toOutbox: false,
    give(answer, gradient) {
      sendGradient(send, answer, gradient, slices, computer.halves);
      return turn();
    },
  });
  // Once the gradients are on their way.
  do await turn();
  while (computer.readAhead());
}

/** What answers steps that are asked for in shared memory. */
export interface MemoryDuty extends MessageDuty {
  readonly arena: Arena;
  /** The worker's channel of it. */
  readonly channel: Channel;
  readonly system: MemorySystem;
  /** Runs one piece of the worker's work at a time. */
  readonly alone: <T>(work: () => Promise<T>) => Promise<T>;
  readonly signal: AbortSignal;
}

/** Milliseconds that the worker sleeps at its mailbox at most, while steps come and when none has come for long. */
const shortSleep = 1;
const longSleep = 5;
/** Sleeps without a step after which they become longer. */
const patience = 200;
/** Milliseconds after which it looks at its socket, timers and signals, whatever there is to do. */
const turnInterval = 2;

/** Answers the steps that are asked for in shared memory, until the signal aborts. */
export async function serveMemory(duty: MemoryDuty): Promise<void> {
  const { arena, channel, system, computer, alone, signal } = duty;
  let idle = 0;
  let lastTurn = performance.now();
  while (!signal.aborted) {
    await alone(async () => {
      const seen = Atomics.load(arena.calls, 0);
      const request = channel.takeRequest();
      idle = request ? 0 : idle + 1;
      if (request) await answerInMemory(duty, request);
      // Whatever is not read while nothing is asked has to be read when it is.
      else if (!computer.readAhead()) system.wait(arena.calls, seen, idle < patience ? shortSleep : longSleep);
    });
    const hasMore = Atomics.load(channel.requests.word, 0) !== channel.requests.seen;
    if (hasMore && performance.now() - lastTurn < turnInterval) continue;
    await turn();
    lastTurn = performance.now();
  }
}

async function answerInMemory(duty: MemoryDuty, request: MemoryRequest): Promise<void> {
  const { arena, channel, system, computer, send, slices } = duty;
  const weights = arena.weights[request.weights];
  if (!weights) throw new RangeError(`asked to use the weights ${request.weights}, which do not exist`);
  await computeStep(computer, request, weights, {
    toOutbox: true,
    give(answer, gradient) {
      const place = computer.placeInOutbox(gradient);
      if (place >= 0 && channel.answer({ ...answer, gradient: place })) {
        Atomics.add(arena.arrivals, 0, 1);
        system.wake(arena.arrivals);
      } else sendGradient(send, answer, gradient, slices, computer.halves);
      return undefined;
    },
  });
}
