import { test } from 'tap';
import { cut } from '../../../src/shared/model/slices.js';
import { openHalves } from '../../../src/shared/numbers/half/half.js';
import { WeightsOut } from '../../../src/step/messages/weightsOut.js';

const slices = cut(5, 2);
const [one, two] = [Float32Array.of(1, 2, 3, 4, 5), Float32Array.of(6, 7, 8, 9, 10)];

test('nobody is sent a part twice', (t) => {
  const weightsOut = new WeightsOut(slices);
  const first = weightsOut.use(one, true);
  t.same(weightsOut.rest('a', first).slices, [0, 1, 2]);
  t.same(weightsOut.rest('a', first).slices, [], 'an evaluation or a second request on the same weights');
  const next = weightsOut.announce(two, 1);
  t.same([...(weightsOut.slice('a', next, 1).tensors[0] ?? [])], [8, 9]);
  const used = weightsOut.use(two, true);
  t.equal(used.number, next.number);
  t.same(weightsOut.rest('a', used).slices, [0, 2]);
  t.same(weightsOut.rest('b', used).slices, [0, 1, 2], 'one that has just come');
  weightsOut.left('a');
  t.same(weightsOut.rest('a', used).slices, [0, 1, 2]);
  t.end();
});

test('weights that were announced and dropped are sent anew, under another number', (t) => {
  const weightsOut = new WeightsOut(slices);
  const first = weightsOut.use(one, true);
  weightsOut.rest('a', first);
  const dropped = weightsOut.announce(two, 0);
  weightsOut.slice('a', dropped, 0);
  t.equal(weightsOut.use(one, true).number, first.number, 'the step was refused');
  t.same(weightsOut.rest('a', first).slices, [0, 1, 2], 'the worker had put them away for those that came next');
  const again = weightsOut.announce(two, 0);
  t.not(again.number, dropped.number);
  t.same(weightsOut.rest('a', weightsOut.use(two, true)).slices, [0, 1, 2]);
  t.end();
});

test('an older version can still be asked for, as when a worker is lost while the next step is computed', (t) => {
  const weightsOut = new WeightsOut(slices);
  const first = weightsOut.use(one, true);
  weightsOut.rest('a', weightsOut.use(two, true));
  const { version, tensors } = weightsOut.rest('a', first);
  t.equal(version, first.number);
  t.same(
    tensors.map((tensor) => [...tensor]),
    [[1, 2], [3, 4], [5]],
  );
  t.end();
});

test('rounded and exact weights are versions of their own', (t) => {
  const halves = openHalves('bf16');
  const arrays = [new Float32Array(5), new Float32Array(5)];
  const weightsOut = new WeightsOut(slices, { halves, arrays });
  const source = Float32Array.of(1.001, 2, 3, 4, 5);
  const exact = weightsOut.use(source, false);
  t.equal(exact.values, source);
  const rounded = weightsOut.use(source, true);
  t.same([...rounded.values], [1, 2, 3, 4, 5]);
  const [tensor] = weightsOut.rest('a', rounded).tensors;
  t.ok(tensor instanceof Uint16Array);
  const next = weightsOut.announce(two, 0);
  t.not(next.values, rounded.values, 'what workers may still read is left alone');
  weightsOut.use(source, true);
  t.not(weightsOut.announce(two, 0).values, rounded.values, 'after a step that was refused, too');
  t.same([...rounded.values], [1, 2, 3, 4, 5]);
  t.end();
});
