import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mnistFiles } from '../src/data/mnist.js';
import type { Setting } from './settings.js';

/** The same work by others: scripts in bench/peers, in environments that bench/peers/setup.sh makes. */

const folder = fileURLToPath(new URL('peers/', import.meta.url));
// Set on some machines for old builds; it would hold a new one back.
const { OPENBLAS_CORETYPE: _core, OPENBLAS_L2_SIZE: _size, ...environment } = process.env;

export interface Peer {
  readonly name: string;
  /** Milliseconds a step. */
  measure(setting: Setting): Promise<number>;
}

function python(name: string): string {
  const path = join(folder, `.venv-${name}`, 'bin', 'python');
  if (!existsSync(path)) throw new Error(`${path} is not there: run bench/peers/setup.sh first`);
  return path;
}

function figureIn(output: string, name: string): number {
  const figure = new RegExp(`${name} ([\\d.]+)`).exec(output)?.[1];
  if (figure === undefined) throw new Error(`expected "${name} NUMBER", got: ${output}`);
  return Number(figure);
}

function torch(name: string, ...flags: readonly string[]): Peer {
  return {
    name,
    async measure({ hidden, batchSize, peerSteps }) {
      const args = [join(folder, 'torch_ddp.py'), '2', String(batchSize), hidden.join(','), String(peerSteps), ...flags];
      return figureIn(execFileSync(python('torch'), args, { encoding: 'utf8', env: environment }), 'ms');
    },
  };
}

/** Keras 2's strategy takes two processes, which find each other by two ports that follow each other. */
const multiWorkerMirrored: Peer = {
  name: 'Keras MultiWorkerMirrored',
  async measure({ hidden, batchSize, peerSteps }) {
    const port = String(await freePort());
    const start = (rank: number): ChildProcess =>
      spawn(python('mwms'), [join(folder, 'keras_mwms.py'), String(rank), String(batchSize), hidden.join(','), port, String(peerSteps)], {
        env: environment,
        stdio: ['ignore', rank === 0 ? 'pipe' : 'ignore', 'ignore'],
      });
    const [first, second] = [start(0), start(1)];
    let output = '';
    first.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    await Promise.all([first, second].map((child) => new Promise((resolve) => child.once('close', resolve))));
    return figureIn(output, 'ms');
  },
};

export const peers: readonly Peer[] = [torch('PyTorch DDP'), torch('PyTorch DDP, fused Adam', '--fused'), multiWorkerMirrored];

/** Seconds an epoch of the article's run in Keras, in one process on all cores. */
export function measureKerasEpoch(epochs: number): number {
  return epochIn(python('keras'), 'keras_fit.py', epochs);
}

/** The same in tfjs-node. */
export function measureTfjsEpoch(epochs: number): number {
  return epochIn(process.execPath, 'tfjs_fit.mjs', epochs);
}

function epochIn(program: string, script: string, epochs: number): number {
  const args = [join(folder, script), dirname(mnistFiles(undefined).x), '32', String(epochs)];
  const output = execFileSync(program, args, { encoding: 'utf8', env: environment, stdio: ['ignore', 'pipe', 'ignore'] });
  // The first epoch compiles.
  const seconds = [...output.matchAll(/seconds ([\d.]+)/g)].slice(1).map(([, figure]) => Number(figure));
  return seconds.reduce((sum, figure) => sum + figure, 0) / seconds.length;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
