import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { openEngine } from '../../src/engines/openEngine.js';
import { probeHash } from '../../src/engines/probe.js';
import { parseConfig } from '../../src/shared/config/parseConfig.js';
import { buildNetwork } from '../../src/shared/model/network.js';
import { encode, type FromCoordinator, type Message } from '../../src/shared/protocol/protocol.js';
import { version } from '../../src/shared/system/version.js';
import { openHub } from '../../src/shared/transport/hub.js';
import { runCli, runWell, someMnist, startCli } from '../fixtures/cli.js';
import { startCoordinator } from '../fixtures/coordinator.js';
import { weightsOf } from '../fixtures/runFolder.js';
import { hello, Stranger } from '../fixtures/stranger.js';

/** Peers with the run's key that say what they should not: they are named and sent away, and the run's bytes stay the same. */

const shape = '784-16-10';
const parameters = 784 * 16 + 16 + 16 * 10 + 10;
const config = [...someMnist, '--model', shape, '--epochs', '3', '--shards', '4'] as const;
const sums = { count: 8, loss: 1, metrics: [1], squaredNorm: 1 };
const answer = { shards: [sums], startedAt: 0, computeMs: 1 };

let undisturbed: Promise<Record<string, string>> | undefined;

/** The weights of the run that nobody disturbs. */
function expected(t: Test): Promise<Record<string, string>> {
  const train = async (): Promise<Record<string, string>> => {
    const runs = t.testdir();
    await runWell(t, 'up', ...config, '--workers', '1', '--runs', runs, '--name', 'up');
    return weightsOf(join(runs, 'up'));
  };
  undisturbed ??= train();
  return undisturbed;
}

/** The hash by which workers tell that they compute the same bits. */
async function probe(): Promise<string> {
  const { model, loss, metrics } = parseConfig({ model: shape }, 'test', { cores: 1 });
  const network = buildNetwork(model);
  const engine = await openEngine('auto', { network, loss, metrics, sparseTargets: true, threads: 1, device: 'auto' });
  const hash = await probeHash(engine, network);
  await engine.close();
  return hash;
}

const noise = (): Buffer => Buffer.concat([Buffer.of(0xc1), randomBytes(40)]);
const engine = { engine: 'onnx', provider: 'cpu', library: 'a library' } as const;

test('before a run: noise, and those who do not belong to it', async (t) => {
  const weights = await expected(t);
  const runs = t.testdir();
  const run = await startCoordinator(t, ...config, '--workers', '2', '--runs', runs, '--name', 'run');
  const { coordinator, worker } = run;
  startCli(t, worker);
  await coordinator.line(/^worker 0 is ready/);

  const babblers: readonly (readonly [reason: string, frames: readonly Uint8Array[]])[] = [
    ['the header is not msgpack', [noise()]],
    ['not a message of the protocol: ', [Buffer.of(0x01)]],
    ['hello: expected 0 tensor frames, got 1', [...encode(hello), noise()]],
    ['gradient: expected 1 tensor frames, got 0', encode({ type: 'gradient', work: 0, node: [0, 1], ...answer })],
    ['sent gradient before hello', encode({ type: 'gradient', work: 0, node: [0, 1], ...answer }, [new Float32Array(parameters)])],
    [`host elsewhere runs bpnn-dist 0.0.1 (protocol ${hello.protocol}), this run needs`, encode({ ...hello, version: '0.0.1' })],
  ];
  for (const [reason, frames] of babblers) {
    const stranger = new Stranger(t, run, parameters);
    stranger.babble(...frames);
    t.ok((await stranger.hear('refuse')).reason.startsWith(`refused: ${reason}`), `it is told: ${reason}`);
    await coordinator.line(new RegExp(`^a connection \\(\\w{10}\\) was refused: ${escaped(reason)}`));
  }

  const flood = new Stranger(t, run, parameters);
  flood.babble(Buffer.alloc(2 ** 21));
  await t.rejects(flood.hear('refuse'), /the connection to the coordinator is lost/, 'a frame that is too long cuts its sender off');

  const other = new Stranger(t, run, parameters);
  other.say(hello);
  const { fingerprint } = await other.hear('configure');
  other.say({ type: 'ready', engine, probe: await probe(), fingerprint: '0123456789abcdef' });
  const data = `sees other data: expected fingerprint ${fingerprint}, got 0123456789abcdef`;
  t.equal((await other.hear('refuse')).reason, `refused: ${data}`);
  await coordinator.line(new RegExp(`^worker 1 ${data}$`));

  const inexact = new Stranger(t, run, parameters);
  inexact.say(hello);
  await inexact.hear('configure');
  inexact.say({ type: 'ready', engine, probe: 'fedcba9876543210', fingerprint });
  const bits = /computes other bits \(a library cpu on a stranger\) than worker 0 \(\S.* cpu on .+\)$/;
  t.match((await inexact.hear('refuse')).reason, bits);
  await coordinator.line(bits);

  startCli(t, worker);
  await coordinator.done();
  t.same(weightsOf(join(runs, 'run')), weights);
});

type Rogue = (stranger: Stranger, step: Message<'step'>) => void;

const gradient = (
  stranger: Stranger,
  message: Partial<Message<'gradient'>> & Pick<Message<'gradient'>, 'work' | 'node'>,
  size = parameters,
): void => stranger.say({ type: 'gradient', ...answer, ...message }, [new Float32Array(size).fill(1e6)]);

const firstNode = ({ nodes }: Message<'step'>): [number, number] => nodes[0] ?? [0, 0];

const rogues: readonly (readonly [what: string, act: Rogue, reason: string])[] = [
  ['noise', (stranger) => stranger.babble(noise()), 'the header is not msgpack'],
  [
    'a gradient of a wrong length',
    (stranger, step) => gradient(stranger, { work: step.work, node: firstNode(step) }, parameters - 1),
    `gradient: expected a tensor of ${parameters * 4} bytes, got ${parameters * 4 - 4}`,
  ],
  [
    "another worker's gradient",
    (stranger, { work, nodes }) => gradient(stranger, { work, node: nodes.some(([from]) => from === 0) ? [2, 4] : [0, 2] }),
    'answered for [',
  ],
  ['a gradient of work to come', (stranger, { work }) => gradient(stranger, { work: work + 1_000, node: [0, 1] }), 'answered work 1'],
  ['a gradient of no node', (stranger, { work }) => gradient(stranger, { work, node: [1, 3] }), '[1, 3) is no node of the tree'],
  [
    'a gradient of fewer samples',
    (stranger, step) => gradient(stranger, { work: step.work, node: firstNode(step), shards: [{ ...sums, count: 7 }] }),
    'answered for [',
  ],
  [
    'figures of an evaluation',
    (stranger, { work }) => stranger.say({ type: 'evaluation', work, chunk: 0, sums, startedAt: 0, computeMs: 1 }),
    'answered work 0 as if it were of another kind',
  ],
  [
    'a loss that is not finite, where others find a finite one',
    (stranger, { work, nodes: [[from, to] = [0, 0]] }) =>
      gradient(stranger, { work, node: [from, to], shards: new Array(to - from).fill({ ...sums, loss: Number.NaN }) }),
    'is faulty: what it found not finite, another worker found finite',
  ],
  ['a second hello', (stranger) => stranger.say(hello), 'said hello twice'],
];

for (const [what, act, reason] of rogues) {
  test(`in a run: ${what}`, async (t) => {
    const weights = await expected(t);
    const runs = t.testdir();
    const run = await startCoordinator(t, ...config, '--workers', '2', '--runs', runs, '--name', 'run');
    startCli(t, run.worker);
    await run.coordinator.line(/^worker 0 is ready/);
    const stranger = new Stranger(t, run, parameters);
    stranger.say(hello);
    const { fingerprint } = await stranger.hear('configure');
    stranger.say({ type: 'ready', engine, probe: await probe(), fingerprint });
    act(stranger, await stranger.hear('step'));
    t.ok((await stranger.hear('refuse')).reason.startsWith(`refused: ${reason}`));
    await run.coordinator.line(new RegExp(`^worker 1 ${escaped(reason)}`));
    await run.coordinator.done();
    t.same(weightsOf(join(runs, 'run')), weights);
  });
}

const foreign = `what answers there does not speak as a coordinator of bpnn-dist ${version} does: `;

const coordinators: readonly (readonly [what: string, frames: readonly Uint8Array[], error: string])[] = [
  ['noise', [noise()], `${foreign}the header is not msgpack`],
  [
    'work before the config',
    message({ type: 'evaluate', work: 0, split: 'test', samples: 1, chunks: [0], version: 0, slices: [] }),
    `${foreign}the coordinator sent evaluate before configure`,
  ],
  ['a refusal', message({ type: 'refuse', reason: 'refused: you are late' }), 'the coordinator says: refused: you are late'],
];

for (const [what, frames, error] of coordinators) {
  test(`a worker whose coordinator sends ${what}`, async (t) => {
    const hub = await openHub({ address: 'tcp://127.0.0.1:0', maxFrameBytes: 2 ** 20 });
    t.teardown(() => hub.close());
    const ended = runCli(t, 'worker', '--connect', hub.address);
    for await (const { from } of hub.messages()) {
      hub.send(from, frames, () => undefined);
      break;
    }
    const { code, stderr } = await ended;
    t.equal(stderr, `error: ${error.replace(foreign, `${hub.address}: ${foreign}`)}\n`);
    t.equal(code, 1);
  });
}

function message(content: FromCoordinator, ...tensorSizes: readonly number[]): Uint8Array[] {
  return encode(
    content,
    tensorSizes.map((size) => new Float32Array(size)),
  );
}

function escaped(text: string): string {
  return text.replace(/[[\](){}.*+?^$|\\]/g, '\\$&');
}
