import { test } from 'tap';
import { Quorum } from '../../../src/coordinator/members/quorum.js';

const never = 1_000;

function quorum(options: Partial<ConstructorParameters<typeof Quorum>[0]> = {}) {
  const lines: string[] = [];
  const made = new Quorum(
    { workers: 2, minWorkers: 1, startTimeout: never, workerTimeout: never, coming: () => 2, ...options },
    {
      notice: (line) => lines.push(line),
      short: () => undefined,
      enough: () => lines.push('enough again'),
      hopeless: (reason) => lines.push(`hopeless: ${reason.message}`),
    },
  );
  return { made, lines };
}

test('a run starts when all workers are ready', async (t) => {
  const { made } = quorum();
  const started = made.enough();
  made.workerReady();
  t.notOk(made.isEnough, 'one of two is not all');
  made.workerReady();
  await started;
  t.ok(made.isEnough);
  made.close();
});

test('or once startTimeout has passed since the first, with at least minWorkers', async (t) => {
  const { made } = quorum({ startTimeout: 0.001 });
  const started = made.enough();
  made.workerReady();
  await started;
  t.ok(made.isEnough);
});

test('or when nobody else can come', async (t) => {
  let coming = 1;
  const { made } = quorum({ coming: () => coming });
  const started = made.enough();
  made.workerReady();
  coming = 0;
  made.workerLeft(false, 'worker 1 was killed by SIGKILL');
  await started;
  t.ok(made.isEnough);
  made.close();
});

test('a run that can never start says why', async (t) => {
  const { made } = quorum({ coming: () => 0 });
  const started = made.enough();
  made.workerLeft(false, 'worker 0 sees other data');
  await t.rejects(started, { message: 'worker 0 sees other data; no worker is left, the run needs at least 1' });
});

test('below minWorkers it waits, and goes on when one comes', async (t) => {
  const { made, lines } = quorum({ minWorkers: 2 });
  made.workerReady();
  made.workerReady();
  made.workerLeft(true, 'worker 1 was killed');
  t.notOk(made.isEnough);
  t.same(lines, ['worker 1 was killed; only 1 worker is left, the run needs at least 2; waiting up to 1000 s for more']);
  const again = made.enough();
  made.workerReady();
  await again;
  t.ok(made.isEnough);
  t.equal(lines.at(-1), 'enough again', 'which is said at once, whoever waits for it');
  made.close();
});

test('and ends after workerTimeout', async (t) => {
  const { made, lines } = quorum({ minWorkers: 2, workerTimeout: 0.001 });
  made.workerReady();
  made.workerReady();
  made.workerLeft(true, 'worker 1 was killed');
  await t.rejects(made.enough(), { message: 'worker 1 was killed; only 1 worker is left, the run needs at least 2' });
  t.equal(lines.at(-1), 'hopeless: worker 1 was killed; only 1 worker is left, the run needs at least 2');
});

test('workers that come by themselves: how many are ready is told, with the time left', async (t) => {
  const { made, lines } = quorum({
    workers: 3,
    minWorkers: 2,
    startTimeout: 30,
    workerTimeout: 60,
    coming: () => Number.POSITIVE_INFINITY,
  });
  made.workerReady();
  made.workerReady();
  made.close();
  t.same(lines, [
    '1 of 3 workers ready; the run needs at least 2, and ends in 90 s unless more are ready before',
    '2 of 3 workers ready; the run starts in 30 s unless all are ready before',
  ]);
});

test('too few when startTimeout and then workerTimeout are over: the run ends', async (t) => {
  const { made, lines } = quorum({
    ...{ workers: 3, minWorkers: 3, startTimeout: 0.001, workerTimeout: 0.002 },
    coming: () => Number.POSITIVE_INFINITY,
  });
  made.workerReady();
  made.workerReady();
  await t.rejects(made.enough(), { message: '2 of 3 workers ready, the run needs at least 3' });
  t.same(lines.slice(-2), [
    '2 of 3 workers ready, the run needs at least 3; waiting up to 0.002 s for more',
    'hopeless: 2 of 3 workers ready, the run needs at least 3',
  ]);
});

test('one that comes in that time lets it start', async (t) => {
  const { made, lines } = quorum({ ...{ minWorkers: 2, startTimeout: 0.001 }, coming: () => Number.POSITIVE_INFINITY });
  const started = made.enough();
  made.workerReady();
  while (!lines.some((line) => line.includes('waiting up to'))) await new Promise((resolve) => setImmediate(resolve));
  made.workerReady();
  await started;
  t.equal(lines.at(-1), 'enough again');
  made.close();
});

test('processes that the run has started are waited for as long as they live', async (t) => {
  const { made, lines } = quorum({ ...{ minWorkers: 2, startTimeout: 0.001, workerTimeout: 0.001 }, coming: () => 1 });
  const started = made.enough();
  made.workerReady();
  const end = performance.now() + 20;
  while (performance.now() < end) await new Promise((resolve) => setImmediate(resolve));
  made.workerReady();
  await started;
  t.same(lines, []);
  made.close();
});
