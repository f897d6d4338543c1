import { existsSync } from 'node:fs';
import { test } from 'tap';
import { startCli } from '../fixtures/cli.js';
import { useOf } from '../fixtures/processUse.js';

/** Megabytes by which a process may grow from its second epoch on: whoever keeps one tensor in sixty steps takes more. */
const slack = 30;
const epochs = 10;

test('memory stays flat over thousands of steps', {
  skip: !existsSync('/proc/self/status') && 'there is no /proc to read it from',
}, async (t) => {
  // 600 steps an epoch, in which weights and gradients of 0.4 MB go to and fro.
  const flags = ['--data', '{ name: mnist, take: 6000 }', '--batch-size', '8', '--epochs', String(epochs), '--workers', '2'];
  const up = startCli(t, ['up', ...flags, '--runs', t.testdir()]);
  const processes = new Map([['coordinator', up.pid]]);
  for (const slot of [0, 1]) {
    const [, pid] = await up.line(new RegExp(`^worker ${slot} is ready: .*\\(pid (\\d+) on `));
    processes.set(`worker ${slot}`, Number(pid));
  }
  const sizes = new Map([...processes.keys()].map((name): [string, number[]] => [name, []]));
  for (let epoch = 1; epoch < epochs; epoch++) {
    await up.line(new RegExp(`^epoch ${epoch}/`));
    for (const [name, pid] of processes) sizes.get(name)?.push(useOf(pid).megabytes);
  }
  await up.done();
  for (const [name, [, second = Number.NaN, ...later]] of sizes) {
    const growth = Math.max(...later) - second;
    t.ok(growth <= slack, `the ${name} grows by ${growth} MB from ${second}`);
  }
});
