import { test } from 'tap';
import { cut } from '../../../src/shared/model/slices.js';
import { WeightsIn } from '../../../src/step/messages/weightsIn.js';

const slices = cut(5, 2);
const parts = [Float32Array.of(1, 2), Float32Array.of(3, 4), Float32Array.of(5)] as const;

test('parts come in any order, in one message or several', (t) => {
  const weights = new WeightsIn(slices);
  weights.take(7, [2], [parts[2]]);
  weights.take(7, [0, 1], [parts[0], parts[1]]);
  t.same([...weights.whole(7)], [1, 2, 3, 4, 5]);
  t.same([...weights.whole(7)], [1, 2, 3, 4, 5], 'for as many steps as need them');
  t.end();
});

test('weights that are not all there are not used', (t) => {
  const weights = new WeightsIn(slices);
  const missing = { name: 'ProtocolError', message: /have not come, or not all of them/ };
  t.throws(() => weights.whole(0), missing);
  weights.take(0, [0, 1], [parts[0], parts[1]]);
  t.throws(() => weights.whole(0), missing);
  weights.take(1, [2], [parts[2]]);
  t.throws(() => weights.whole(1), missing, 'parts of another version do not count');
  t.throws(() => weights.whole(0), missing, 'and have put those of the first away');
  weights.take(1, [0, 1], [parts[0], parts[1]]);
  t.same([...weights.whole(1)], [1, 2, 3, 4, 5]);
  t.end();
});

test('weights of one part are used where they are', (t) => {
  const weights = new WeightsIn(cut(5, 5));
  const whole = Float32Array.of(1, 2, 3, 4, 5);
  weights.take(0, [0], [whole]);
  t.equal(weights.whole(0), whole);
  t.end();
});
