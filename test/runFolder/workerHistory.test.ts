import { test } from 'tap';
import type { Member } from '../../src/coordinator/members/roster.js';
import { WorkerHistory } from '../../src/runFolder/workerHistory.js';
import type { Incarnation } from '../../src/shared/transport/transport.js';

function member(incarnation: string, change: Partial<Member> = {}): Member {
  const hello = { host: 'here', pid: Number(incarnation) } as Member['hello'];
  const ready = { engine: { engine: 'blas', library: 'OpenBLAS', provider: 'cpu' } } as Member['ready'];
  return {
    incarnation: incarnation as Incarnation,
    number: 0,
    name: 'worker 0',
    hello,
    via: undefined,
    below: 0,
    channel: undefined,
    choice: undefined,
    ready,
    computeMs: 0,
    units: 0,
    readyAt: 0,
    ...change,
  };
}

test('a worker through its loss and its return', async (t) => {
  const history = new WorkerHistory();
  const first = member('7', { computeMs: 3_000, units: 10, readyAt: 500 });
  t.match(history.status([first], undefined, 5_000), [
    { name: 'worker 0', state: 'ready', pid: 7, shards: 10, computeSeconds: 3, waitSeconds: 0 },
  ]);
  t.match(history.status([first], 1_000, 5_000), [{ waitSeconds: 1 }], 'it waits from the first step on');
  history.left(first, 'was killed', 1_000, 6_000);
  t.match(history.status([], 1_000, 99_000), [{ state: 'lost', note: 'was killed', shards: 10, computeSeconds: 3, waitSeconds: 2 }]);
  const second = member('8', { ready: undefined });
  t.match(history.status([second], 1_000, 99_000), [{ state: 'preparing', restarts: 1, engine: null, note: 'was killed' }]);
  Object.assign(second, { ready: first.ready, computeMs: 1_000, units: 5, readyAt: 100_000 });
  t.match(history.status([second], 1_000, 104_000), [
    { state: 'ready', pid: 8, restarts: 1, note: null, shards: 15, computeSeconds: 4, waitSeconds: 5 },
  ]);
});
