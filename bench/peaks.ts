import { cpus } from 'node:os';
import { openBlas } from '../src/engines/blas/library.js';
import { openKernel } from '../src/shared/kernel/kernel.js';

/** What this machine can do at most, on one thread: the floor under every step. `npm run bench:peaks` */

function millisecondsOf(work: () => void, repeats: number): number {
  for (let i = 0; i < 3; i++) work();
  const start = performance.now();
  for (let i = 0; i < repeats; i++) work();
  return (performance.now() - start) / repeats;
}

const blas = openBlas(1);
const random = (length: number): Float32Array => Float32Array.from({ length }, () => Math.random());

/** GFLOP/s of a product [m, k] . [k, n]. */
function speedOf(m: number, n: number, k: number): number {
  const [a, b, c] = [random(m * k), random(k * n), new Float32Array(m * n)];
  const ms = millisecondsOf(() => blas.product(m, n, k, { values: a }, { values: b }, c), Math.ceil(2e9 / (m * n * k)));
  return Math.round((2 * m * n * k) / ms / 1e6);
}

/** GB/s, read and written, of copying so many megabytes. */
function copySpeed(megabytes: number): number {
  const from = random(megabytes * 250_000);
  const to = new Float32Array(from.length);
  return Math.round((2 * megabytes) / millisecondsOf(() => to.set(from), Math.ceil(4_000 / megabytes)));
}

function passes(length: number): Record<string, number> {
  const { kernel, allocate } = openKernel(new Array(5).fill(length));
  const [weights, next, gradient, m, v] = Array.from({ length: 5 }, () => allocate(length).fill(0.01)) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const repeats = Math.ceil(2e8 / length);
  const sum = { count: 32, penalty: { l1: 0, l2: 0 } };
  return {
    parameters: length,
    'add, ms': Number(millisecondsOf(() => kernel.add(next, m), repeats).toPrecision(3)),
    'squared norm, ms': Number(millisecondsOf(() => kernel.roughSquaredNorm(gradient), repeats).toPrecision(3)),
    'Adam, ms': Number(
      millisecondsOf(() => kernel.adam({ weights, next, gradient, m, v }, sum, 1e-3, 0.9, 0.999, 1e-7, 0), repeats).toPrecision(3),
    ),
  };
}

console.log(`${cpus().length} x ${cpus()[0]?.model.trim()}, ${blas.name}`);
console.table([
  { product: '1024 x 1024 x 1024', 'GFLOP/s': speedOf(1_024, 1_024, 1_024) },
  { product: '16 x 128 x 784 (forward, batch 32)', 'GFLOP/s': speedOf(16, 128, 784) },
  { product: '784 x 128 x 16 (backward, batch 32)', 'GFLOP/s': speedOf(784, 128, 16) },
  { product: '512 x 128 x 784 (forward, batch 1,024)', 'GFLOP/s': speedOf(512, 128, 784) },
  { product: '784 x 128 x 512 (backward, batch 1,024)', 'GFLOP/s': speedOf(784, 128, 512) },
]);
console.table([
  { copied: '0.4 MB', 'GB/s': copySpeed(0.4) },
  { copied: '80 MB', 'GB/s': copySpeed(80) },
]);
console.table([passes(101_770), passes(1_862_666), passes(20_045_834)]);
