import { test } from 'tap';
import { tracedSteps, traceRequest } from '../../../src/view/trace/tracedSteps.js';

test('what --trace can be given', async (t) => {
  t.same(tracedSteps(traceRequest('--trace', ''), 0), { from: 0, to: 2_000 });
  t.same(tracedSteps(traceRequest('--trace', '500'), 300), { from: 300, to: 800 }, 'from where a run goes on');
  t.same(tracedSteps(traceRequest('--trace', '100-149'), 300), { from: 100, to: 150 });
});

test('what it cannot', async (t) => {
  for (const text of ['0', '-5', '9-3', 'all', '1.5', '1-2-3']) {
    t.throws(() => traceRequest('--trace', text), {
      name: 'UsageError',
      message: `--trace: expected a number of steps such as 500, or steps such as 1000-1200, got ${text}`,
    });
  }
});
