import { test } from 'tap';
import { parseConfig } from '../../../src/shared/config/parseConfig.js';
import { viewOf } from '../../../src/shared/model/layout.js';
import { buildNetwork } from '../../../src/shared/model/network.js';
import { cut, type Partition } from '../../../src/shared/model/slices.js';
import { openKernel } from '../../../src/shared/numbers/kernel/kernel.js';
import { Optimizer, type OptimizerState, optimizerArrays } from '../../../src/step/update/optimizer.js';
import type { GradientSum } from '../../../src/step/update/treeSum.js';

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

/** An optimizer of a network of 67 parameters, two of three of which are regularized. */
function open(rule: object, partition: (size: number) => Partition, keepsMoments: boolean) {
  const l2 = { kernelRegularizer: { l2: 0.01 } };
  const layers = [{ dense: { units: 6, activation: 'relu', ...l2 } }, { dense: { units: 1, biasRegularizer: { l1: 0.1 } } }];
  const model = { inputShape: [9], layers };
  const config = parseConfig({ model, optimizer: rule, loss: 'meanSquaredError', data: 'mnist' }, 'a test', { cores: 1 });
  const { layout } = buildNetwork(config.model);
  const { size } = layout;
  const memory = openKernel({ lengths: new Array(optimizerArrays(keepsMoments) + 2).fill(size) });
  const parts = partition(size);
  const optimizer = new Optimizer(config.optimizer, layout, memory, { partition: parts, keepsMoments });
  optimizer.setWeights(numbers(size, 1));
  const arrays = [memory.allocate(size), memory.allocate(size)] as const;
  /** The sum of two gradients, the last addition left to the reader. */
  const sums = (seed: number): GradientSum[] => {
    for (const [i, array] of arrays.entries()) array.set(numbers(size, seed + i));
    return parts.map((place) => ({ gradient: viewOf(arrays[0], place), addend: viewOf(arrays[1], place) }));
  };
  return { optimizer, sums };
}

function numbers(length: number, seed: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.sin(seed * 12.9898 + i * 78.233));
}

function bytesOf({ weights, m, v, updates }: OptimizerState): string {
  return [weights, m, v].map((array) => Buffer.from(array.slice().buffer).toString('hex')).join() + updates;
}

for (const [name, rule] of Object.entries(rules)) {
  test(`${name}: in parts, as they come or at the end, to the same bits`, (t) => {
    const whole = open(rule, (size) => cut(size, size), false);
    const late = open(rule, (size) => cut(size, 8), false);
    const early = open(rule, (size) => cut(size, 8), true);
    t.notOk(whole.optimizer.movesParts || late.optimizer.movesParts, 'moments in place are not touched before all is in');
    t.equal(early.optimizer.movesParts, !name.includes('clipped'));
    for (let step = 0; step < 5; step++) {
      for (const { optimizer, sums } of [whole, late, early]) {
        optimizer.begin(7, 0.01);
        const gradient = sums(10 + 2 * step);
        // Every second part, from the last on.
        if (optimizer.movesParts) for (let i = gradient.length - 1; i >= 0; i -= 2) optimizer.move(i, gradient[i] as GradientSum);
        optimizer.commit(gradient);
      }
      t.equal(bytesOf(late.optimizer.state), bytesOf(whole.optimizer.state));
      t.equal(bytesOf(early.optimizer.state), bytesOf(whole.optimizer.state));
    }
    t.end();
  });
}

test('an update that is not committed has changed nothing', (t) => {
  const { optimizer, sums } = open({ name: 'adam' }, (size) => cut(size, 8), true);
  const other = open({ name: 'adam' }, (size) => cut(size, 8), true);
  for (const each of [optimizer, other.optimizer]) each.begin(7, 0.01);
  optimizer.commit(sums(1));
  other.optimizer.commit(other.sums(1));
  const before = bytesOf(optimizer.state);
  optimizer.begin(7, 0.01);
  for (const [i, sum] of sums(3).entries()) optimizer.move(i, sum);
  t.equal(bytesOf(optimizer.state), before);
  for (const each of [optimizer, other.optimizer]) each.begin(7, 0.01);
  optimizer.commit(sums(5));
  other.optimizer.commit(other.sums(5));
  t.equal(bytesOf(optimizer.state), bytesOf(other.optimizer.state), 'nor the updates after it');
  t.end();
});
