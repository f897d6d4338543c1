import { test } from 'tap';
import type { Fleet } from '../../../src/coordinator/members/fleet.js';
import type { Assignments } from '../../../src/coordinator/work/assignments.js';
import { Gather } from '../../../src/coordinator/work/gather.js';
import { openKernel } from '../../../src/shared/numbers/kernel/kernel.js';
import { decodeFromCoordinator, encode, type Message, type UnitSums } from '../../../src/shared/protocol/protocol.js';
import { type GradientSum, SlicedSum, type SliceSum } from '../../../src/step/update/treeSum.js';
import { FakeHub } from '../../fixtures/fakeHub.js';
import { fleetOf } from '../../fixtures/fleetOf.js';
import { hello, parameters, perShard, ready, shards, slices, sums, tensor } from '../../fixtures/messages.js';

/** Gradients in slices, and workers that are lost, err or join between one and the next. */

interface Teardown {
  teardown(end: () => Promise<void>): void;
}

/** A real fleet whose workers are this test, asked for one step's gradients. */
class Step {
  readonly hub = new FakeHub();
  readonly complete: SliceSum[] = [];
  readonly sum: SlicedSum;
  readonly lines: string[] = [];
  readonly fleet: Fleet<Assignments>;
  readonly #gather: Gather;
  /** How many of their requests workers have answered. */
  readonly #answered = new Map<string, number>();

  constructor(t: Teardown) {
    const { kernel, allocate } = openKernel({ lengths: [parameters, parameters, parameters] });
    const slots = [0, 1, 2].map(() => allocate(parameters));
    this.sum = new SlicedSum(kernel, slots, slices);
    this.sum.follow((slice, sum) => this.complete.push({ slice, sum }));
    const events = {
      left: (_: unknown, reason: string) => this.lines.push(reason),
      notice: (line: string) => this.lines.push(line),
    };
    this.fleet = fleetOf({ slices: slices, hub: this.hub, events });
    this.#gather = new Gather({ assignments: this.fleet.work, shards, sum: this.sum, compression: 'none' });
    t.teardown(() => this.fleet.close(true));
  }

  async join(...workers: readonly string[]): Promise<void> {
    for (const worker of workers) for (const message of [hello, ready]) this.hub.say(worker, encode(message));
    await turn();
  }

  ask(weights = tensor): ReturnType<Gather['gradients']> {
    return this.#gather.gradients({ step: 0, epoch: 0, from: 0, to: shards * perShard }, weights);
  }

  /** The steps that a worker was asked, in order. */
  asked(worker: string): Message<'step'>[] {
    return this.hub.sent.flatMap(({ to, frames }) => {
      const { message } = decodeFromCoordinator(frames, slices);
      return to === worker && message.type === 'step' ? [message] : [];
    });
  }

  /** Some parts of all that a worker was asked and has not answered: as many as a node has shards, in every value. */
  async answer(worker: string, parts: readonly number[], change: Partial<UnitSums> = {}): Promise<void> {
    const asked = this.asked(worker);
    for (const { work, nodes } of asked.slice(this.#answered.get(worker) ?? 0)) {
      for (const node of nodes) this.#say(worker, work, node, parts, change);
    }
    if (parts.includes(slices.length - 1)) this.#answered.set(worker, asked.length);
    await turn();
  }

  #say(worker: string, work: number, node: [number, number], parts: readonly number[], change: Partial<UnitSums>): void {
    const count = node[1] - node[0];
    const values = new Float32Array(parameters).fill(count);
    for (const part of parts) {
      const { offset, size } = slices[part] ?? { offset: 0, size: 0 };
      const head = { work, node, shards: new Array<UnitSums>(count).fill({ ...sums, ...change }), startedAt: 0, computeMs: 1 };
      const message = part === 0 ? { type: 'gradient' as const, ...head } : { type: 'gradientSlice' as const, work, node, slice: part };
      this.hub.say(worker, encode(message, [values.subarray(offset, offset + size)]));
    }
  }
}

/** Lets everything that was said be heard. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Nodes [0, 2) and [2, 4) make the tree over four shards. */
const sumOf = ({ gradient, addend }: GradientSum): number[] => [...gradient].map((value, i) => value + (addend?.[i] ?? 0));

test('a part is complete when all shards of it are in, whatever else is on its way', async (t) => {
  const step = new Step(t);
  await step.join('a', 'b');
  const answers = step.ask();
  await step.answer('a', [0]);
  t.same(step.complete, []);
  await step.answer('b', [0]);
  t.same(
    step.complete.map(({ slice }) => slice),
    [0],
  );
  t.same(
    step.complete.map(({ sum }) => sumOf(sum)),
    [[4, 4, 4]],
  );
  await step.answer('b', [1]);
  await step.answer('a', [1]);
  t.same(
    step.complete.map(({ sum }) => sumOf(sum)),
    [
      [4, 4, 4],
      [4, 4],
    ],
  );
  const result = await answers;
  t.ok(result.isFinite);
  t.equal(step.sum.result().length, 2);
  for (const worker of ['a', 'b']) step.hub.say(worker, encode({ type: 'leaving' }));
});

test('a worker that is lost between two parts: another computes the whole, and nothing counts twice', async (t) => {
  const step = new Step(t);
  await step.join('a', 'b');
  const answers = step.ask();
  await step.answer('a', [0]);
  step.hub.say('a', encode({ type: 'leaving' }));
  await turn();
  await step.answer('b', [0, 1]);
  const { sums: all } = await answers;
  t.equal(all.length, shards);
  t.same(step.sum.result().map(sumOf), [
    [4, 4, 4],
    [4, 4],
  ]);
  step.hub.say('b', encode({ type: 'leaving' }));
});

test('a gradient whose sums are not finite is not added up, but asked for again', async (t) => {
  const step = new Step(t);
  await step.join('a', 'b');
  const answers = step.ask();
  await step.answer('a', [0, 1], { loss: Number.NaN });
  t.equal(step.asked('b').length, 2, 'another is asked');
  await step.answer('b', [0, 1]);
  const { nonFinite } = await answers;
  t.same(nonFinite, []);
  t.same(step.sum.result().map(sumOf), [
    [4, 4, 4],
    [4, 4],
  ]);
  t.match(step.lines.join(), /not finite: it is computed once more.*is faulty/);
  step.hub.say('b', encode({ type: 'leaving' }));
});

test('parts out of their order, or of something else, are refused', async (t) => {
  const step = new Step(t);
  await step.join('a', 'b', 'c', 'd');
  const answers = step.ask();
  const [{ work, nodes } = { work: 0, nodes: [] }] = step.asked('c');
  await step.answer('c', [0]);
  step.hub.say('c', encode({ type: 'gradientSlice', work: work + 1, node: nodes[0] ?? [0, 1], slice: 1 }, [new Float32Array(2)]));
  await turn();
  await step.answer('b', [0, 0]);
  await step.answer('a', [1]);
  t.equal(step.lines[0], 'sent slice 1 of a gradient of which that was not the next');
  t.equal(step.lines[1], 'began a gradient before the last was complete');
  t.equal(step.lines[2], 'sent slice 1 of a gradient of which that was not the next');
  step.hub.say('d', encode({ type: 'leaving' }));
  step.fleet.fail(new Error('over'));
  await t.rejects(answers, /over/);
});

test('weights to come go out part by part, and the next step carries what is missing', async (t) => {
  const step = new Step(t);
  await step.join('a');
  const first = step.ask();
  t.same(step.asked('a').at(-1)?.slices, [0, 1]);
  await step.answer('a', [0]);
  const next = Float32Array.from({ length: parameters }, (_, i) => i);
  step.fleet.work.announce(next, 0);
  const { message, tensors } = decodeFromCoordinator(step.hub.sent.at(-1)?.frames ?? [], slices);
  t.match(message, { type: 'weights', slice: 0 });
  t.same([...(tensors[0] ?? [])], [0, 1, 2]);
  await step.answer('a', [1]);
  await first;
  await step.join('b');
  const second = step.ask(next);
  t.same(step.asked('a').at(-1)?.slices, [1]);
  t.same(step.asked('b').at(-1)?.slices, [0, 1], 'one that has joined');
  t.equal(step.asked('a').at(-1)?.version, step.asked('b').at(-1)?.version);
  await step.answer('a', [0, 1]);
  await step.answer('b', [0, 1]);
  await second;
  for (const worker of ['a', 'b']) step.hub.say(worker, encode({ type: 'leaving' }));
});
