import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { encode } from '../../src/shared/protocol/protocol.js';
import { runCli, runWell, someMnist, startCli } from '../fixtures/cli.js';
import { startCoordinator } from '../fixtures/coordinator.js';
import { frame, greeting, RawPeer, readyCommand } from '../fixtures/rawPeer.js';
import { summaryOf, weightsOf } from '../fixtures/runFolder.js';
import { hello } from '../fixtures/stranger.js';

/** Who has no business with a run does not get in, and changes nothing. */

const config = [...someMnist, '--epochs', '3', '--shards', '4', '--workers', '2'] as const;

async function undisturbed(t: Test, runs: string): Promise<Record<string, string>> {
  await runWell(t, 'up', ...config, '--runs', runs, '--name', 'up');
  return weightsOf(join(runs, 'up'));
}

test('without the key of the run', async (t) => {
  const runs = t.testdir();
  const { coordinator, address, worker } = await startCoordinator(t, ...config, '--runs', runs, '--name', 'run');
  startCli(t, worker);
  await coordinator.line(/^worker 0 is ready/);

  const keyless = await runCli(t, 'worker', '--connect', address);
  t.equal(keyless.code, 1);
  t.equal(keyless.stderr, `error: the coordinator at ${address} did not accept a connection without a key (--key FILE)\n`);

  const other = join(runs, 'other.key');
  await runWell(t, 'keygen', other);
  const wrong = await runCli(t, 'worker', '--connect', address, '--key', other);
  t.equal(wrong.code, 1);
  t.equal(wrong.stderr, `error: the coordinator at ${address} did not accept this key\n`);
  await coordinator.line(/^a connection was turned away: its keys are not those of this run$/);

  startCli(t, worker);
  await coordinator.done();
  const { turnedAway, refused } = Object(summaryOf(join(runs, 'run'))['strangers']);
  // Each has tried a few times. Both sides see that a key is missing: where the worker is the first, all that the coordinator sees is one who leaves.
  t.ok(turnedAway >= 1);
  t.equal(refused, 0);
  t.same(weightsOf(join(runs, 'run')), await undisturbed(t, runs));
});

test('no worker at all: other protocols, claims of any size, and what is cut short', async (t) => {
  const runs = t.testdir();
  const coordinator = startCli(t, ['coordinator', ...config, '--insecure', '--runs', runs, '--name', 'run']);
  const [, address = '', port = ''] = await coordinator.line(/worker --connect (tcp:\S+:(\d+))$/);
  const worker = ['worker', '--connect', address];
  startCli(t, worker);
  await coordinator.line(/^worker 0 is ready/);
  const peer = (...bytes: readonly Uint8Array[]): RawPeer => {
    const raw = new RawPeer(t, Number(port));
    raw.say(...bytes);
    return raw;
  };

  // Nobody that speaks ZeroMQ begins with these.
  await peer(randomBytes(4_096)).hangUp();
  await peer(Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(4))).hangUp();
  // A header that claims 4 GiB, one of more than there is on earth, and a command of such a size.
  await peer(greeting, readyCommand(), frame(Buffer.alloc(64), { claims: 2n ** 32n })).closed;
  await peer(greeting, readyCommand(), frame(Buffer.alloc(64), { claims: 2n ** 63n })).closed;
  await peer(greeting, Buffer.of(0x06, 0, 0, 0, 1, 0, 0, 0, 0)).closed;
  // Cut short: in the greeting, in a frame, and between two frames of a message.
  await peer(greeting.subarray(0, 30)).hangUp();
  await peer(greeting, readyCommand(), frame(Buffer.alloc(10), { claims: 1_000n })).hangUp();
  await peer(greeting, readyCommand(), frame(encode(hello)[0] ?? Buffer.alloc(0), { more: true })).hangUp();

  // Two that want to be the same: the second is not heard, whatever it says.
  const first = peer(greeting, readyCommand('me'), frame(encode(hello)[0] ?? Buffer.alloc(0)));
  const second = peer(greeting, readyCommand('me'), frame(encode({ type: 'failed', reason: 'I am the first' })[0] ?? Buffer.alloc(0)));
  // It takes a worker's place only when it is ready, and it never is.
  startCli(t, worker);
  await coordinator.done();
  t.notMatch((await coordinator.ended).stderr, /I am the first/);
  await Promise.all([first.closed, second.closed]);
  t.same(weightsOf(join(runs, 'run')), await undisturbed(t, runs));
});
