import { cpus } from 'node:os';
import { openBlas } from '../src/engines/blas/library.js';
import { openKernel } from '../src/shared/numbers/kernel/kernel.js';
import { nameOf, parametersOf, type Setting, settings } from './settings.js';

/**
 * What this machine can do at most, on one thread, and the floor that this puts under the steps of the bench: their products
 * on both cores at the highest speed, then one pass of Adam. `npm run bench:peaks`
 */

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

interface Passes {
  readonly add: number;
  readonly squaredNorm: number;
  readonly adam: number;
}

/** Milliseconds of each pass over so many parameters. */
function passes(length: number): Passes {
  const { kernel, allocate } = openKernel({ lengths: new Array(6).fill(length) });
  const array = (): Float32Array => allocate(length).fill(0.01);
  const [weights, next, gradient, addend, m, v] = [array(), array(), array(), array(), array(), array()];
  const repeats = Math.ceil(2e8 / length);
  const sum = { addend, count: 32, penalty: { l1: 0, l2: 0 } };
  return {
    add: millisecondsOf(() => kernel.add(next, m), repeats),
    squaredNorm: millisecondsOf(() => kernel.roughSquaredNorm(gradient), repeats),
    adam: millisecondsOf(() => kernel.adam({ weights, next, gradient, m, v, nextM: m, nextV: v }, sum, 1e-3, 0.9, 0.999, 1e-7, 0), repeats),
  };
}

/** Floating-point operations of a step's products: forward, and backward by the weights and, but for the first layer, by the inputs. */
function operationsOf({ hidden, batchSize }: Setting): number {
  const units = [784, ...hidden, 10];
  const products = units.slice(1).map((width, i) => 2 * batchSize * width * (units[i] ?? 0));
  return products.reduce((sum, product, i) => sum + product * (i === 0 ? 2 : 3), 0);
}

const short = (figure: number): number => Number(figure.toPrecision(3));

console.log(`${cpus().length} x ${cpus()[0]?.model.trim()}, ${blas.name}`);
const peak = speedOf(1_024, 1_024, 1_024);
console.table([
  { product: '1024 x 1024 x 1024', 'GFLOP/s': peak },
  { product: '16 x 128 x 784 (forward, batch 32)', 'GFLOP/s': speedOf(16, 128, 784) },
  { product: '784 x 128 x 16 (backward, batch 32)', 'GFLOP/s': speedOf(784, 128, 16) },
  { product: '512 x 128 x 784 (forward, batch 1,024)', 'GFLOP/s': speedOf(512, 128, 784) },
  { product: '784 x 128 x 512 (backward, batch 1,024)', 'GFLOP/s': speedOf(784, 128, 512) },
]);
console.table([
  { copied: '0.4 MB', 'GB/s': copySpeed(0.4) },
  { copied: '80 MB', 'GB/s': copySpeed(80) },
]);
const byLength = new Map([...new Set(settings.map(parametersOf))].map((length) => [length, passes(length)]));
console.table(
  [...byLength].map(([parameters, { add, squaredNorm, adam }]) => ({
    parameters,
    'add, ms': short(add),
    'squared norm, ms': short(squaredNorm),
    'Adam of two gradients, ms': short(adam),
  })),
);
console.table(
  settings.map((setting) => {
    const arithmetic = operationsOf(setting) / (2 * peak * 1e6);
    const adam = byLength.get(parametersOf(setting))?.adam ?? Number.NaN;
    return {
      network: nameOf(setting),
      'GFLOP a step': short(operationsOf(setting) / 1e9),
      'products, ms': short(arithmetic),
      'Adam, ms': short(adam),
      'floor, ms': short(arithmetic + adam),
    };
  }),
);
