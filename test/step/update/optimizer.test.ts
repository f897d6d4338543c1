import { test } from 'tap';
import { parseConfig } from '../../../src/shared/config/parseConfig.js';
import { viewOf } from '../../../src/shared/model/layout.js';
import { buildNetwork } from '../../../src/shared/model/network.js';
import { cut, type Slices } from '../../../src/shared/model/slices.js';
import { openKernel } from '../../../src/shared/numbers/kernel/kernel.js';
import { type GradientSource, Optimizer, type OptimizerState, optimizerArrays } from '../../../src/step/update/optimizer.js';
import type { GradientSum, SliceListener } from '../../../src/step/update/treeSum.js';

const rules: Readonly<Record<string, object>> = {
  adam: { name: 'adam' },
  adamw: { name: 'adamw', weightDecay: 0.01 },
  sgd: { name: 'sgd', learningRate: 0.1 },
  momentum: { name: 'sgd', learningRate: 0.1, momentum: 0.9, nesterov: true },
  rmsprop: { name: 'rmsprop' },
  'adam, clipped by norm': { name: 'adam', clipNorm: 0.1 },
  'adam, clipped by the norm of all': { name: 'adam', globalClipNorm: 0.1 },
  'sgd, clipped by value': { name: 'sgd', learningRate: 0.1, clipValue: 0.01 },
};

/** A sum that is there, and that tells of its slices when it is told to. */
class Sums implements GradientSource {
  all: readonly GradientSum[] = [];
  #listener: SliceListener = () => undefined;

  result(): readonly GradientSum[] {
    return this.all;
  }

  follow(listener: SliceListener): void {
    this.#listener = listener;
  }

  tell(slice: number): void {
    this.#listener(slice, this.all[slice] as GradientSum);
  }
}

/** An optimizer of a network of 67 parameters, two of three of which are regularized. */
function open(rule: object, slicing: (size: number) => Slices, keepsMoments: boolean) {
  const l2 = { kernelRegularizer: { l2: 0.01 } };
  const layers = [{ dense: { units: 6, activation: 'relu', ...l2 } }, { dense: { units: 1, biasRegularizer: { l1: 0.1 } } }];
  const model = { inputShape: [9], layers };
  const config = parseConfig({ model, optimizer: rule, loss: 'meanSquaredError', data: 'mnist' }, 'a test', { cores: 1 });
  const { layout } = buildNetwork(config.model);
  const { size } = layout;
  const memory = openKernel({ lengths: new Array(optimizerArrays(keepsMoments) + 2).fill(size) });
  const slices = slicing(size);
  const source = new Sums();
  const optimizer = new Optimizer(config.optimizer, layout, memory, { slices, source, keepsMoments });
  optimizer.setWeights(numbers(size, 1));
  const arrays = [memory.allocate(size), memory.allocate(size)] as const;
  /** The sum of two gradients, the last addition left to the reader. */
  const add = (seed: number): void => {
    for (const [i, array] of arrays.entries()) array.set(numbers(size, seed + i));
    source.all = slices.map((place) => ({ gradient: viewOf(arrays[0], place), addend: viewOf(arrays[1], place) }));
  };
  return { optimizer, source, add };
}

function numbers(length: number, seed: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.sin(seed * 12.9898 + i * 78.233));
}

function bytesOf({ weights, m, v, updates }: OptimizerState): string {
  return [weights, m, v].map((array) => Buffer.from(array.slice().buffer).toString('hex')).join() + updates;
}

for (const [name, rule] of Object.entries(rules)) {
  test(`${name}: in slices, as they come or at the end, to the same bits`, (t) => {
    const whole = open(rule, (size) => cut(size, size), false);
    const late = open(rule, (size) => cut(size, 8), false);
    const early = open(rule, (size) => cut(size, 8), true);
    t.notOk(whole.optimizer.movesSlices || late.optimizer.movesSlices, 'moments in place are not touched before all is in');
    t.equal(early.optimizer.movesSlices, !name.includes('clipped'));
    for (let step = 0; step < 5; step++) {
      for (const { optimizer, source, add } of [whole, late, early]) {
        optimizer.begin(7, 0.01);
        add(10 + 2 * step);
        // Every second slice, from the last on.
        if (optimizer.movesSlices) for (let i = source.all.length - 1; i >= 0; i -= 2) source.tell(i);
        optimizer.commit();
      }
      t.equal(bytesOf(late.optimizer.state), bytesOf(whole.optimizer.state));
      t.equal(bytesOf(early.optimizer.state), bytesOf(whole.optimizer.state));
    }
    t.end();
  });
}

test('an update that is not committed has changed nothing', (t) => {
  const one = open({ name: 'adam' }, (size) => cut(size, 8), true);
  const other = open({ name: 'adam' }, (size) => cut(size, 8), true);
  const update = ({ optimizer, add }: typeof one, seed: number): void => {
    add(seed);
    optimizer.begin(7, 0.01);
    optimizer.commit();
  };
  for (const each of [one, other]) update(each, 1);
  const before = bytesOf(one.optimizer.state);
  one.add(3);
  one.optimizer.begin(7, 0.01);
  for (const i of one.source.all.keys()) one.source.tell(i);
  t.equal(bytesOf(one.optimizer.state), before);
  one.optimizer.drop();
  for (const each of [one, other]) update(each, 5);
  t.equal(bytesOf(one.optimizer.state), bytesOf(other.optimizer.state), 'nor the updates after it');
  t.end();
});

test('slices are moved as they come only while their update is under way, and told of', (t) => {
  const { optimizer, source, add } = open({ name: 'adam' }, (size) => cut(size, 8), true);
  const moved: number[] = [];
  optimizer.follow((slice) => moved.push(slice));
  add(1);
  source.tell(2);
  t.same(moved, [], 'asked for ahead of its update');
  optimizer.begin(7, 0.01);
  source.tell(3);
  t.same(moved, [3]);
  optimizer.commit();
  source.tell(4);
  t.same(moved, [3]);
  t.end();
});
