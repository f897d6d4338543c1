import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/**
 * Does this checkout train what another one does? Ten configs with both, and a run that the other has stopped and both go on
 * with: the bytes of the weights, and the figures of every step and epoch.
 *
 *     npm run check:same -- OTHER_CHECKOUT     (which is built)
 */

const [other] = process.argv.slice(2);
if (other === undefined) throw new Error('expected the folder of another checkout, which is built');
const checkouts = { other: resolve(other), this: resolve('.') } as const;
type Side = keyof typeof checkouts;

const small = ['--data', '{ name: mnist, take: 1500 }', '--epochs', '2', '--seed', '11'];
const blas = [...small, '--engine', 'blas', '--workers', '2'];

const configs: Readonly<Record<string, readonly string[]>> = {
  'adam, blas, shared memory': blas,
  'momentum, onnx, messages': [
    ...small,
    '--optimizer',
    '{ name: sgd, momentum: 0.9, nesterov: true }',
    '--engine',
    'onnx',
    '--transport',
    'socket',
  ],
  'rmsprop, reference, four workers': [
    ...small,
    '--optimizer',
    'rmsprop',
    '--engine',
    'reference',
    '--workers',
    '4',
    '--model',
    '784-8-10',
  ],
  'adamw, fp16, messages': [...blas, '--optimizer', '{ name: adamw, weightDecay: 0.01 }', '--compression', 'fp16', '--transport', 'socket'],
  'adam, bf16, shared memory': [...blas, '--compression', 'bf16'],
  'clipped by the norm of all': [...blas, '--optimizer', '{ name: adam, globalClipNorm: 0.5 }', '--transport', 'socket'],
  'clipped by each norm, one worker': [...blas, '--optimizer', '{ name: sgd, learningRate: 0.1, clipNorm: 0.3 }', '--workers', '1'],
  'dropout, L2, early stopping': [
    ...[...blas, '--epochs', '5', '--early-stopping-patience', '0', '--early-stopping-restore-best-weights', 'true'],
    ...[
      '--model',
      '{ layers: [flatten, { dense: { units: 32, activation: relu, kernelRegularizer: { l2: 0.001 } } }, { dropout: 0.3 }, { dense: { units: 10, activation: softmax } }] }',
    ],
  ],
  'plateau, checkpoints by steps, weighted classes': [
    ...[...blas, '--epochs', '4', '--reduce-on-plateau-patience', '0', '--reduce-on-plateau-min-delta', '0.5', '--checkpoint-every', '7'],
    ...['--data', '{ name: mnist, take: 1500, classWeights: balanced }'],
  ],
  'slices, moved as they come': [...blas, '--epochs', '1', '--model', '784-512-10', '--transport', 'socket', '--workers', '3'],
};

/** Runs a command of a checkout to its end. */
async function command(side: Side, args: readonly string[], signal?: AbortSignal): Promise<number> {
  const child = spawn(process.execPath, [join(checkouts[side], 'dist/cli/main.js'), ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (text) => {
    said += text;
  });
  signal?.addEventListener('abort', () => child.kill('SIGINT'));
  const [code] = await once(child, 'close');
  if (code !== 0 && !signal?.aborted) throw new Error(`${side}: ${args.join(' ')} ended with ${code}\n${said}`);
  return code;
}

/** What a run has come to, as short hashes: of its weights, and of the figures that it has written. */
function result(path: string): string {
  const hash = createHash('sha256');
  for (const name of ['final', 'best']) {
    const file = join(path, name, 'weights.bin');
    if (existsSync(file)) hash.update(readFileSync(file));
  }
  const lines = readFileSync(join(path, 'metrics.jsonl'), 'utf8').split('\n');
  hash.update(lines.filter((line) => /^\{"kind":"(step|epoch)"/.test(line)).join('\n'));
  return hash.digest('hex').slice(0, 12);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}

/** A coordinator, two aggregators and four workers. */
async function tree(side: Side, runs: string): Promise<void> {
  const address = `tcp://127.0.0.1:${await freePort()}`;
  const flags = ['--topology', 'tree', '--workers', '4', '--shards', '8', '--start-timeout', '60', '--runs', runs, '--name', side];
  const coordinator = command(side, ['coordinator', ...small, '--engine', 'blas', '--bind', address, '--insecure', ...flags]);
  const others = [
    ...Array.from({ length: 2 }, () => command(side, ['aggregator', '--connect', address])),
    ...Array.from({ length: 4 }, () => command(side, ['worker', '--connect', address, '--data-root', '/'])),
  ];
  await Promise.all([coordinator, ...others]);
}

/** A run that is stopped in the middle, and copied for each to go on with. */
async function stopped(runs: string): Promise<void> {
  const stop = new AbortController();
  const path = join(runs, 'stopped');
  const running = command(
    'other',
    ['up', ...blas, '--epochs', '40', '--checkpoint-every', '25', '--runs', runs, '--name', 'stopped'],
    stop.signal,
  );
  const stepsDone = (): number => (existsSync(join(path, 'checkpoints', 'step-000000025.checkpoint')) ? 25 : 0);
  while (stepsDone() === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  stop.abort();
  await running;
  for (const side of ['other', 'this'] as const) {
    cpSync(path, join(runs, side), { recursive: true });
    await command(side, ['up', '--resume', join(runs, side), '--epochs', '40']);
  }
}

const kinds: Readonly<Record<string, (runs: string) => Promise<void>>> = {
  ...Object.fromEntries(
    Object.entries(configs).map(([name, flags]) => [
      name,
      async (runs: string) => {
        for (const side of ['other', 'this'] as const) await command(side, ['up', ...flags, '--runs', runs, '--name', side]);
      },
    ]),
  ),
  'four workers below two aggregators': async (runs) => {
    for (const side of ['other', 'this'] as const) await tree(side, runs);
  },
  'stopped by the other, gone on with by both': stopped,
};

let different = 0;
for (const [name, train] of Object.entries(kinds)) {
  const runs = mkdtempSync(join(tmpdir(), 'bpnn-same-'));
  try {
    await train(runs);
    const [a, b] = (['other', 'this'] as const).map((side) => result(join(runs, side)));
    if (a !== b) different++;
    console.log(`${name.padEnd(50)} ${a}  ${b}  ${a === b ? 'same' : 'DIFFERENT'}`);
  } finally {
    rmSync(runs, { recursive: true, force: true });
  }
}
process.exitCode = different === 0 ? 0 : 1;
