import { test } from 'tap';
import { soak } from '../fixtures/soak.js';

const seed = Number(process.env['SEED'] ?? 1);
const count = Number(process.env['FAULTS'] ?? 300);

test('300 faults in one run: the same weights, and nothing left over', async (t) => {
  const start = performance.now();
  const { faults, steps, weights, expected, growth } = await soak(t, { faults: count, seed, runs: t.testdir() });
  const minutes = ((performance.now() - start) / 60_000).toFixed(1);
  t.comment(
    `seed ${seed}: ${JSON.stringify(faults)} over ${steps} steps in ${minutes} min; most growth of a process: ${JSON.stringify(growth)}`,
  );
  t.same(weights, expected, 'the weights of the run that nobody disturbed');
  // The threads and files of connections that were cut go when V8 collects them.
  t.ok(growth.files <= 60, 'no files or sockets are left open');
  t.ok(growth.threads <= 16, 'no threads are left');
  // A worker that comes again reads its data again, 47 MB, and V8 takes its time with the old.
  t.ok(growth.megabytes <= 120, 'no memory is kept');
});
