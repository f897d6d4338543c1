import { test } from 'tap';
import { mergeConfigs } from '../../../src/shared/config/merge.js';

test('a schedule laid over another has no keys of it; its own are merged', (t) => {
  const learningRate = { schedule: 'cosineDecay', initial: 0.1, decaySteps: 10 };
  const merged = (over: object): unknown =>
    mergeConfigs({ optimizer: { learningRate } }, { optimizer: { learningRate: over } })['optimizer'];
  t.same(merged({ schedule: 'constant', initial: 1 }), { learningRate: { schedule: 'constant', initial: 1 } });
  t.same(merged({ schedule: 'cosineDecay', initial: 1 }), { learningRate: { ...learningRate, initial: 1 } });
  t.same(merged({ initial: 1 }), { learningRate: { ...learningRate, initial: 1 } });
  t.end();
});
