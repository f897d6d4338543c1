import { test } from 'tap';
import { type InProcess, type Moment, type Role, trainInProcess } from '../fixtures/inProcess/cluster.js';
import { movableClock } from '../fixtures/inProcess/movableClock.js';
import { smallRun } from '../fixtures/inProcess/smallRun.js';

/** Aggregators, and what befalls them and those below: three workers below two of them. */

const faults: Readonly<Record<string, (process: InProcess) => void>> = {
  'is killed': (process) => process.kill(),
  'is stopped': ({ link }) => link.stop(),
  'loses its connection': ({ link }) => link.cut(),
};

const moments: readonly (Moment & { readonly role: Role })[] = [
  { role: 'aggregator', way: 'sends', type: 'joined', time: 1 },
  { role: 'aggregator', way: 'receives', type: 'admit', time: 1 },
  { role: 'aggregator', way: 'receives', type: 'step', time: 9 },
  { role: 'aggregator', way: 'sends', type: 'gradient', time: 1 },
  { role: 'aggregator', way: 'sends', type: 'gradient', time: 12 },
  { role: 'aggregator', way: 'receives', type: 'evaluate', time: 2 },
  { role: 'aggregator', way: 'sends', type: 'evaluation', time: 2 },
  { role: 'worker', way: 'receives', type: 'step', time: 6 },
  { role: 'worker', way: 'sends', type: 'gradient', time: 7 },
  { role: 'worker', way: 'sends', type: 'evaluation', time: 1 },
];

test('below aggregators: the same weights, whatever befalls whom at whatever moment', async (t) => {
  const clock = movableClock(t);
  const config = { ...smallRun(t.testdir()), workers: 3, topology: 'tree', transport: 'socket', startTimeout: 5, validationBatchSize: 2 };
  const { result: expected } = await clock.until(trainInProcess({ config: { ...config, topology: 'star' } }));
  const { result: below, notices: calm } = await clock.until(trainInProcess({ config, aggregators: 2 }));
  t.same(below.finalWeights, expected.finalWeights, 'undisturbed');
  t.match(calm.join('\n'), /^worker \d is ready: .*, below an aggregator\)$/m);
  for (const [name, fault] of Object.entries(faults)) {
    for (const moment of moments) {
      const strikes = [{ ...moment, slot: 0, fault }];
      const { result } = await clock.until(trainInProcess({ config, aggregators: 2, strikes }));
      t.same(result.finalWeights, expected.finalWeights, `${moment.role} ${name} as it ${moment.way} ${moment.type} number ${moment.time}`);
    }
  }
});
