import { test } from 'tap';
import { worthHelping } from '../../../../src/shared/numbers/kernel/crew.js';
import { type Kernel, type KernelMemory, openKernel, type UpdateArrays } from '../../../../src/shared/numbers/kernel/kernel.js';
import { type Passes, passNames } from '../../../../src/shared/numbers/kernel/kernelPasses.js';
import { PassBoard } from '../../../../src/shared/numbers/kernel/passBoard.js';

/** Not a multiple of a part, nor of a vector. */
const length = worthHelping + 12_347;
const names = ['weights', 'next', 'gradient', 'm', 'v', 'nextM', 'nextV'] as const;

/** A kernel, and arrays of numbers in its memory. */
function openArrays(helpers: number): KernelMemory & { arrays: UpdateArrays } {
  const memory = openKernel({ lengths: names.map(() => length), helpers });
  const filled = (seed: number): Float32Array => {
    const into = memory.allocate(length);
    for (let i = 0; i < length; i++) into[i] = Math.sin(seed + i * (1 + seed / 7)) * 1e-2;
    return into;
  };
  const arrays = Object.fromEntries(names.map((name, i) => [name, filled(i)])) as unknown as UpdateArrays;
  for (let i = 0; i < length; i++) arrays.v[i] = Math.abs(arrays.v[i] ?? 0);
  return { ...memory, arrays };
}

/** Every pass once, the later ones over what the earlier ones leave; what they say. */
function everyPass(kernel: Kernel, a: UpdateArrays): unknown[] {
  const penalty = { l1: 0.01, l2: 0.02 };
  const inPlace = { ...a, nextM: a.m, nextV: a.v };
  const norms = [
    kernel.adam(a, { addend: a.nextM, count: 3, penalty }, 0.003, 0.9, 0.999, 1e-7, 0.0001),
    kernel.adam(inPlace, { count: 4, penalty }, 0.003, 0.9, 0.999, 1e-7, 0),
  ];
  kernel.rmsprop(inPlace, 0.01, 0.9, 0.5, 1e-7);
  kernel.momentum(inPlace, 0.1, 0.9, true);
  kernel.clip(a.gradient, 0.7, 1e-3);
  kernel.sgd(a, 0.1);
  return [...norms, kernel.average(a.gradient, a.weights, 31, penalty), kernel.add(a.gradient, a.next), kernel.isFinite(a.next)];
}

test('helpers change no bit, and are asked again and again', (t) => {
  const alone = openArrays(0);
  const helped = openArrays(2);
  t.teardown(() => helped.close());
  for (let round = 0; round < 20; round++) {
    t.same(everyPass(helped.kernel, helped.arrays), everyPass(alone.kernel, alone.arrays));
  }
  for (const name of names) t.ok(Buffer.from(copyOf(helped.arrays[name])).equals(copyOf(alone.arrays[name])), name);
  t.end();
});

function copyOf(array: Float32Array): Uint8Array {
  return new Uint8Array(array.slice().buffer);
}

test('passes of many lengths, one right after the other: every part is done once', (t) => {
  const most = 3 * worthHelping;
  const memory = openKernel({ lengths: [most, most], helpers: 3 });
  t.teardown(() => memory.close());
  const [sum, ones] = [memory.allocate(most), memory.allocate(most).fill(1)];
  const lengths = [worthHelping, most, worthHelping + 70_000, 2 * worthHelping, most];
  let wrong = 0;
  for (let round = 0; round < 300; round++) {
    const length = lengths[round % lengths.length] ?? most;
    memory.kernel.add(sum.subarray(0, length), ones.subarray(0, length));
  }
  const passes = (place: number): number => lengths.filter((length) => place < length).length * (300 / lengths.length);
  for (let i = 0; i < most; i++) if (sum[i] !== passes(i)) wrong++;
  t.equal(wrong, 0, 'values that were added to more or less often than they should');
  t.end();
});

test('a value that is not finite is found by whoever comes upon it', (t) => {
  const { kernel, arrays, close } = openArrays(1);
  t.teardown(close);
  const { gradient, next } = arrays;
  for (const place of [0, length >> 1, length - 1]) {
    gradient[place] = Number.NaN;
    t.notOk(kernel.isFinite(gradient));
    t.notOk(kernel.add(next, gradient));
    gradient[place] = 0;
    next[place] = 0;
    t.ok(kernel.isFinite(gradient));
    t.ok(kernel.add(next, gradient));
  }
  t.end();
});

test('who comes late, while the next pass is being written down, can take nothing of it', (t) => {
  const memory = new SharedArrayBuffer(PassBoard.bytes);
  const [owner, late] = [new PassBoard(memory), new PassBoard(memory)];
  let parts = 0;
  const take = (): number => ++parts;
  const passes = Object.fromEntries(passNames.map((name) => [name, take])) as unknown as Passes;
  const pass = (length: number) => ({ name: 'clip', length, addresses: [64], numbers: [1, 1] }) as const;
  owner.post(pass(100_000));
  owner.work(passes);
  t.ok(owner.finish());
  t.equal(parts, 2);
  const { store } = Atomics;
  t.teardown(() => {
    Atomics.store = store;
  });
  // Between any two of the words that a pass is made of.
  Atomics.store = ((...args: Parameters<typeof store>) => {
    late.work(passes);
    return store(...args);
  }) as typeof store;
  owner.post(pass(300_000));
  Atomics.store = store;
  t.equal(parts, 2, 'nothing was taken before it was open');
  late.work(passes);
  t.ok(owner.finish());
  t.equal(parts, 2 + 5);
  t.end();
});
