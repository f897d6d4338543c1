import { test } from 'tap';
import { type InProcess, type Moment, type Strike, trainInProcess } from '../fixtures/inProcess/cluster.js';
import { movableClock } from '../fixtures/inProcess/movableClock.js';
import { smallRun } from '../fixtures/inProcess/smallRun.js';

/** Each fault of a worker, at each message that it sends or hears, for the first time and later. */

const faults: Readonly<Record<string, (worker: InProcess) => void>> = {
  'is killed': (worker) => worker.kill(),
  'is stopped': ({ link }) => link.stop(),
  'loses its connection': ({ link }) => link.cut(),
};

const moments: readonly Moment[] = [
  { way: 'sends', type: 'hello', time: 1 },
  { way: 'receives', type: 'configure', time: 1 },
  { way: 'sends', type: 'ready', time: 1 },
  { way: 'receives', type: 'step', time: 1 },
  { way: 'receives', type: 'step', time: 13 },
  { way: 'sends', type: 'gradient', time: 1 },
  { way: 'sends', type: 'gradient', time: 2 },
  { way: 'sends', type: 'gradient', time: 17 },
  { way: 'receives', type: 'evaluate', time: 1 },
  { way: 'receives', type: 'evaluate', time: 4 },
  { way: 'sends', type: 'evaluation', time: 1 },
  { way: 'sends', type: 'evaluation', time: 3 },
];

test('the same weights, whatever befalls a worker at whatever moment', async (t) => {
  const clock = movableClock(t);
  const config = smallRun(t.testdir());
  const { result: expected } = await clock.until(trainInProcess({ config }));
  for (const [name, fault] of Object.entries(faults)) {
    for (const { way, type, time } of moments) {
      const strikes = [{ slot: 1, way, type, time, fault }];
      const { result, notices } = await clock.until(trainInProcess({ config, strikes }));
      const what = `a worker ${name} as it ${way} ${type} number ${time}`;
      t.same(result.finalWeights, expected.finalWeights, what);
      t.same(result.bestWeights, expected.bestWeights, `${what}: the best`);
      // One that is stopped before it is ready is not waited for: the run may be over before it has had its time.
      const isWaitedFor = name !== 'is stopped' || !['configure', 'ready', 'hello'].includes(type);
      if (isWaitedFor) t.match(notices.join('\n'), /^worker 1 .*(killed|not answered|connection|ended)/m, `${what}: it is said`);
    }
  }
});

test('one that is stopped past its time and goes on joins as another, and what it then says is late', async (t) => {
  const clock = movableClock(t);
  const config = smallRun(t.testdir());
  const { result: expected } = await clock.until(trainInProcess({ config }));
  const stopped: InProcess[] = [];
  const strikes: Strike[] = [
    {
      ...{ slot: 1, way: 'sends', type: 'gradient', time: 9 },
      fault: (worker) => {
        worker.link.stop();
        stopped.push(worker);
      },
    },
    // When the one that was started in its place is ready.
    { slot: 1, way: 'sends', type: 'ready', time: 2, fault: () => stopped[0]?.link.goOn() },
  ];
  const { result, notices } = await clock.until(trainInProcess({ config, strikes }));
  t.same(result.finalWeights, expected.finalWeights);
  t.match(notices.join('\n'), /^worker 1 has not answered within 1 s$/m);
});

test('all workers at once, and a run that waits for as many as it needs', async (t) => {
  const clock = movableClock(t);
  const config = { ...smallRun(t.testdir()), minWorkers: 2 };
  const { result: expected } = await clock.until(trainInProcess({ config }));
  const strikes = [0, 1].map((slot): Strike => {
    return { slot, way: 'receives', type: 'step', time: 8, fault: (worker) => worker.kill() };
  });
  const { result, notices } = await clock.until(trainInProcess({ config, strikes }));
  t.same(result.finalWeights, expected.finalWeights);
  t.match(notices.join('\n'), /the run needs at least 2; waiting up to 60 s for more/);
});

test('a worker that dies at every start is given up, and the run goes on, or ends where it needs it', async (t) => {
  const clock = movableClock(t);
  const config = { ...smallRun(t.testdir()), maxRestarts: 2 };
  const { result: expected } = await clock.until(trainInProcess({ config }));
  const strikes = [1, 2, 3].map((time): Strike => ({ slot: 1, way: 'sends', type: 'hello', time, fault: (worker) => worker.kill() }));
  const { result, notices } = await clock.until(trainInProcess({ config, strikes }));
  t.same(result.finalWeights, expected.finalWeights);
  t.match(notices.join('\n'), /^worker 1 was killed by SIGKILL; given up after 2 restarts$/m);
  await t.rejects(clock.until(trainInProcess({ config: { ...config, minWorkers: 2 }, strikes })), {
    name: 'RunError',
    message: /worker 1 .*given up.*the run needs at least 2/,
  });
});
