import { setImmediate as turn } from 'node:timers/promises';
import type { Partition } from '../../shared/model/slices.js';
import { now } from '../../shared/system/clock.js';
import type { MemorySystem } from '../../shared/system/memorySystem.js';
import type { Arena, Channel, StepRequest } from '../../step/memory/arena.js';
import { type Send, sendGradient } from '../../step/messages/sendGradient.js';
import type { ShardComputer } from './shardComputer.js';

export interface ChannelDuty {
  readonly arena: Arena;
  /** The worker's channel of it. */
  readonly channel: Channel;
  readonly system: MemorySystem;
  readonly computer: ShardComputer;
  /** Runs one piece of the worker's work at a time. */
  readonly alone: <T>(work: () => Promise<T>) => Promise<T>;
  /** For what does not fit into the shared memory. */
  readonly send: Send;
  readonly partition: Partition;
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
export async function serveChannel(duty: ChannelDuty): Promise<void> {
  const { arena, channel, system, computer, alone, signal } = duty;
  let idle = 0;
  let lastTurn = performance.now();
  while (!signal.aborted) {
    await alone(async () => {
      const seen = Atomics.load(arena.calls, 0);
      const request = channel.takeRequest();
      idle = request ? 0 : idle + 1;
      if (request) await answer(duty, request);
      // Whatever is not read while nothing is asked has to be read when it is.
      else if (!computer.readAhead()) system.wait(arena.calls, seen, idle < patience ? shortSleep : longSleep);
    });
    const hasMore = Atomics.load(channel.requests.word, 0) !== channel.requests.seen;
    if (hasMore && performance.now() - lastTurn < turnInterval) continue;
    await turn();
    lastTurn = performance.now();
  }
}

async function answer({ arena, channel, system, computer, send, partition }: ChannelDuty, request: StepRequest): Promise<void> {
  const { work, step, epoch, batch, nodes } = request;
  const asked = { step, epoch, from: batch[0], to: batch[1] };
  const weights = arena.weights[request.weights];
  if (!weights) throw new RangeError(`asked to use the weights ${request.weights}, which do not exist`);
  const begun = computer.beginWork(step, weights);
  if (begun) await begun;
  for (const node of nodes) {
    const coming = computer.fetch(asked, node);
    if (coming) await coming;
    const startedAt = now();
    const { gradient, shards } = await computer.gradient(asked, node, true);
    const computeMs = now() - startedAt;
    const place = computer.placeInOutbox(gradient);
    if (place >= 0 && channel.answer({ work, node, startedAt, computeMs, gradient: place, shards })) {
      Atomics.add(arena.arrivals, 0, 1);
      system.wake(arena.arrivals);
    } else {
      sendGradient({ work, node: [node.from, node.to], shards, startedAt, computeMs }, gradient, partition, send);
    }
  }
  computer.expectNext(asked, nodes);
}
