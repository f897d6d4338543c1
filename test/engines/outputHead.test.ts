import { test } from 'tap';
import { outputHead } from '../../src/engines/outputHead.js';
import type { Layer, Loss } from '../../src/shared/model/spec.js';
import { dense, dropout, taskOf } from './samples.js';

function headOf(loss: Loss, ...layers: Layer[]) {
  const { network } = taskOf(3, layers, loss);
  const head = outputHead(network, loss);
  const last = head.ops.at(-1);
  return [head.activation, head.loss, last?.kind === 'dense' ? last.activation : 'dropout'];
}

test('cross entropies take the logits of the activation they undo', async (t) => {
  t.same(headOf('categoricalCrossentropy', dense(2, 'softmax')), ['softmax', 'softmaxCrossentropy', 'linear']);
  t.same(headOf('sparseCategoricalCrossentropy', dense(2, 'softmax')), ['softmax', 'softmaxCrossentropy', 'linear']);
  t.same(headOf('binaryCrossentropy', dense(2, 'sigmoid')), ['sigmoid', 'sigmoidCrossentropy', 'linear']);
});

test('everything else is computed from the outputs', async (t) => {
  t.same(headOf('binaryCrossentropy', dense(2, 'softmax')), ['linear', 'binaryCrossentropy', 'softmax']);
  t.same(headOf('categoricalCrossentropy', dense(2, 'sigmoid')), ['linear', 'categoricalCrossentropy', 'sigmoid']);
  t.same(headOf('meanSquaredError', dense(2, 'softmax')), ['linear', 'meanSquaredError', 'softmax']);
});

test('a last dropout hides the logits', async (t) => {
  t.same(headOf('categoricalCrossentropy', dense(2, 'softmax'), dropout(0.5)), ['linear', 'categoricalCrossentropy', 'dropout']);
});
