import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'tap';
import { encode, type FromCoordinator, type FromWorker } from '../../../src/shared/protocol/protocol.js';
import { ProtocolError, RunError } from '../../../src/shared/text/errors.js';
import type { Frames } from '../../../src/shared/transport/transport.js';
import { inbox } from '../../../src/worker/connection/inbox.js';
import { DataWait, NoLongerWanted } from '../../../src/worker/samples/dataWait.js';
import { mostRequests, SampleRequests } from '../../../src/worker/samples/sampleRequests.js';

function requests(): { readonly sent: FromWorker[]; readonly requests: SampleRequests } {
  const sent: FromWorker[] = [];
  return { sent, requests: new SampleRequests((message) => sent.push(message)) };
}

test('a few requests are under way at a time, and each gets its own answer', async (t) => {
  const { sent, requests: some } = requests();
  const answers = Array.from({ length: mostRequests + 2 }, (_, i) => some.ask('train', [i]));
  t.same(
    sent,
    Array.from({ length: mostRequests }, (_, i) => ({ type: 'wants', request: i, split: 'train', samples: [i] })),
  );
  t.ok(some.takes(encode({ type: 'samples', request: 1 }, [Uint8Array.of(7)])));
  t.same(
    (await answers[1])?.map((bytes) => [...bytes]),
    [[7]],
  );
  t.equal(sent.length, mostRequests + 1);
  t.ok(some.takes(encode({ type: 'samples', request: 0, reason: 'x.npy: no such file' })));
  await t.rejects(Promise.resolve(answers[0]), new RunError('x.npy: no such file'));
  t.throws(() => some.takes(encode({ type: 'samples', request: 1 })), ProtocolError, 'answered already');
  for (const answer of answers) answer.catch(() => undefined);
  some.end(new Error('the link is lost'));
  await t.rejects(Promise.resolve(answers[2]), { message: 'the link is lost' });
  await t.rejects(some.ask('test', [1]), { message: 'the link is lost' });
});

test('whoever waits for data hears that the coordinator wants something else', async (t) => {
  const last: readonly FromCoordinator[] = [
    { type: 'refuse', reason: 'another version' },
    { type: 'reconnect', reason: 'has not answered' },
    { type: 'move', addresses: ['tcp://10.0.0.1:5000'], number: 3, ticket: 7 },
    { type: 'stop', isOver: true },
  ];
  for (const message of last) {
    const fetching = new DataWait(() => undefined);
    t.notOk(fetching.takes(encode(message)));
    t.notOk(fetching.signal.aborted, 'nothing is waited for');
    await fetching.preparing(async () => {
      t.notOk(fetching.takes(encode({ type: 'probe' })));
      t.notOk(fetching.signal.aborted);
      t.notOk(fetching.takes(encode(message)), 'it has its turn');
      t.match(fetching.signal.reason, NoLongerWanted);
    });
    const lacking = new DataWait(() => undefined);
    const [first, second] = [lacking.requests.ask('train', [1]), lacking.requests.ask('train', [2])];
    t.ok(lacking.takes(encode({ type: 'samples', request: 0 }, [Uint8Array.of(7)])));
    t.notOk(lacking.takes(encode(message)), 'it has its turn');
    await first;
    await t.rejects(second, NoLongerWanted);
  }
});

test('messages wait for their turn, but for those that are taken out; what ends them is told once all are read', async (t) => {
  const [first, urgent, last] = [Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)].map((header): Frames => [header]);
  async function* messages(): AsyncGenerator<Frames> {
    for (const frames of [first, urgent, last]) if (frames) yield frames;
    throw new ProtocolError('makes no sense');
  }
  const taken: Frames[] = [];
  let end: unknown;
  const takes = (frames: Frames): boolean => frames === urgent && taken.push(frames) > 0;
  const read = inbox({ messages }, { takes, onEnd: (error) => (end = error) });
  t.equal((await read.next()).value, first);
  for (let turns = 0; turns < 10; turns++) await turn();
  t.same(taken, [urgent], 'while the first is dealt with');
  t.match(end, { message: 'makes no sense' });
  t.equal((await read.next()).value, last);
  await t.rejects(read.next(), { message: 'makes no sense' });
});
