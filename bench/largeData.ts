import { execFileSync, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openArray } from '../src/data/arrays/arrayFile.js';
import { npyHeader } from '../src/data/arrays/npyWrite.js';
import { mnistFiles } from '../src/data/mnist.js';

/**
 * A file that is larger than memory: how fast it is trained on, and how much memory workers take, beside data in memory:
 * `npm run bench:large` (root on Linux, for a limit of the page cache; 20 GB of disk).
 */

const { values: flags } = parseArgs({
  options: {
    gigabytes: { type: 'string', default: '20' },
    /** Bytes of all that the run may keep in memory, the system's cache of the file included. */
    cache: { type: 'string', default: '4000000000' },
    steps: { type: 'string', default: '1500' },
    batch: { type: 'string', default: '256' },
    folder: { type: 'string' },
  },
});

const pixels = 784;
const folder = flags.folder ?? mkdtempSync(join(tmpdir(), 'bpnn-large-'));
mkdirSync(folder, { recursive: true });

/** MNIST's training images over and over, each time with another number in them, so that no part of the file is as another. */
function writeData(name: string, count: number): { x: string; y: string } {
  const files = { x: join(folder, `${name}-x.npy`), y: join(folder, `${name}-y.npy`) };
  if (existsSync(files.y)) return files;
  const { x, y } = mnistFiles(undefined);
  const images = Buffer.concat([...openArray(x).pieces(0, 60_000)].map((piece) => Buffer.from(piece)));
  const labels = Buffer.concat([...openArray(y).pieces(0, 60_000)].map((piece) => Buffer.from(piece)));
  const file = openSync(files.x, 'w');
  writeSync(file, npyHeader('|u1', [count, 28, 28]));
  const targets = Buffer.alloc(count);
  for (let row = 0, turn = 0; row < count; row += 60_000, turn++) {
    const rows = Math.min(60_000, count - row);
    writeSync(file, turned(images, turn).subarray(0, rows * pixels));
    labels.copy(targets, row, 0, rows);
  }
  closeSync(file);
  writeFileSync(files.y, Buffer.concat([npyHeader('|u1', [count]), targets]));
  return files;
}

/** The images with the number of the turn in two corners, which are dark in all of them. */
function turned(images: Buffer, turn: number): Buffer {
  for (let row = 0; row < images.length; row += pixels) {
    images[row] = turn & 0xff;
    images[row + pixels - 1] = turn >> 8;
  }
  return images;
}

interface Measured {
  readonly samplesPerSecond: number;
  /** Of the worker that has taken most. */
  readonly peakMegabytes: number;
  readonly secondsToStart: number;
}

/** What the system has in memory of files is forgotten: whatever is read comes from the disk. */
function forgetFiles(): void {
  execFileSync('sync');
  writeFileSync('/proc/sys/vm/drop_caches', '3');
}

/** Trains in a control group of its own, whose memory is limited, from a cold disk. */
async function measure(name: string, files: { x: string; y: string }, more: readonly string[]): Promise<Measured> {
  const group = `/sys/fs/cgroup/memory/bpnn-large-${process.pid}`;
  mkdirSync(group, { recursive: true });
  writeFileSync(join(group, 'memory.limit_in_bytes'), flags.cache);
  const runs = join(folder, 'runs');
  rmSync(join(runs, name), { recursive: true, force: true });
  const cli = fileURLToPath(import.meta.resolve('#cli'));
  const data = `{ x: ${files.x}, y: ${files.y}, normalize: { divide: 255 } }`;
  const args = ['up', '--data', data, '--model', '784-128-10', '--batch-size', flags.batch, '--steps', flags.steps, '--epochs', '1'];
  const rest = ['--validation-split', '0', '--workers', '2', '--no-tensorboard', '--runs', runs, '--name', name, ...more];
  forgetFiles();
  const started = performance.now();
  let secondsToStart = Number.NaN;
  const child = spawn('sh', ['-c', `echo $$ > ${group}/cgroup.procs; exec "$@"`, 'sh', process.execPath, cli, ...args, ...rest], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const peaks = new Map<number, number>();
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    if (Number.isNaN(secondsToStart) && /^run /m.test(text)) secondsToStart = (performance.now() - started) / 1_000;
  });
  const watching = setInterval(() => {
    for (const [, pid] of text.matchAll(/^worker \d is ready: .*\(pid (\d+) on /gm)) {
      const status = existsSync(`/proc/${pid}/status`) ? readFileSync(`/proc/${pid}/status`, 'utf8') : '';
      const [, kilobytes] = /^VmHWM:\s+(\d+)/m.exec(status) ?? [];
      if (kilobytes) peaks.set(Number(pid), Number(kilobytes) / 1_000);
    }
  }, 200);
  const code = await new Promise((resolve) => child.once('close', resolve));
  clearInterval(watching);
  if (code !== 0) throw new Error(text);
  const summary = JSON.parse(readFileSync(join(runs, name, 'summary.json'), 'utf8'));
  execFileSync('rmdir', [group]);
  return {
    samplesPerSecond: Math.round(summary.samplesPerSecond),
    peakMegabytes: Math.round(Math.max(...peaks.values())),
    secondsToStart: Math.round(secondsToStart),
  };
}

try {
  const count = Math.floor((Number(flags.gigabytes) * 1e9) / pixels);
  const large = writeData('large', count);
  // As many samples as the steps take, so that both are one pass.
  const small = writeData('small', Number(flags.steps) * Number(flags.batch));
  const results = {
    gigabytes: statSync(large.x).size / 1e9,
    samples: count,
    cacheBytes: Number(flags.cache),
    batch: Number(flags.batch),
    inMemory: await measure('in-memory', small, []),
    full: await measure('full', large, ['--memory-limit', '600MB']),
    fullAgain: await measure('full-again', large, ['--memory-limit', '600MB']),
    blocks: await measure('blocks', large, ['--memory-limit', '600MB', '--shuffle', 'blocks']),
  };
  process.stdout.write(`${JSON.stringify(results, undefined, 2)}\n`);
} finally {
  if (flags.folder === undefined) rmSync(folder, { recursive: true, force: true });
}
