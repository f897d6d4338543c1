import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'tap';
import { runCli, runWell, someMnist, startCli } from '../fixtures/cli.js';
import { summaryOf, weightsOf } from '../fixtures/runFolder.js';

/** How tensors travel changes no bit. */

const config = [...someMnist, '--epochs', '2', '--workers', '3', '--shards', '8', '--engine', 'onnx'] as const;

test('shared memory or sockets: the same weights', {
  skip: process.platform !== 'linux' && 'memory is shared on Linux only',
}, async (t) => {
  const runs = t.testdir();
  for (const transport of ['shm', 'socket']) {
    const { stderr } = await runWell(t, 'up', ...config, '--transport', transport, '--runs', runs, '--name', transport);
    t.notMatch(stderr, /no memory is shared/);
    const asked = summaryOf(join(runs, transport))['asked'] as { memory: number; messages: number };
    if (transport === 'socket') t.equal(asked.memory, 0);
    // Whoever has just joined is asked in a message once.
    else t.ok(asked.memory > 10 * asked.messages, `asked in memory ${asked.memory} times, in messages ${asked.messages} times`);
  }
  t.same(weightsOf(join(runs, 'shm')), weightsOf(join(runs, 'socket')));
});

test('tensors in several parts: the same weights, at any number of workers, moved as they come or at once', async (t) => {
  const runs = t.testdir();
  // 317,610 parameters: two parts. With clipping, none can be moved before all have come.
  const wide = [...someMnist, '--model', '784-399-10', '--epochs', '1', '--shards', '4'] as const;
  for (const [index, flags] of [
    [],
    ['--optimizer', '{ name: adam, globalClipNorm: 0.5 }'],
    ['--optimizer', 'sgd'],
    ['--compression', 'bf16'],
  ].entries()) {
    const run = async (workers: number, transport: string): Promise<unknown> => {
      const name = `${index}-${workers}-${transport}`;
      const args = [...wide, ...flags, '--workers', `${workers}`, '--transport', transport, '--runs', runs, '--name', name];
      await runWell(t, 'up', ...args);
      return weightsOf(join(runs, name));
    };
    const expected = await run(1, 'auto');
    for (const workers of [1, 3]) t.same(await run(workers, 'socket'), expected, `${workers} workers, ${flags.join(' ')}`);
  }
});

test('where no memory can be shared the run says so and goes on, unless that was asked for', async (t) => {
  const runs = t.testdir({
    'without.mjs': `
      import { Module } from 'node:module';
      const { _load } = Module;
      Module._load = (name, ...rest) => {
        if (name === 'koffi') throw new Error('there is none');
        return _load(name, ...rest);
      };
    `,
  });
  const env = { NODE_OPTIONS: `--import=${pathToFileURL(join(runs, 'without.mjs')).href}` };
  const { stderr } = await startCli(t, ['up', ...config, '--runs', runs, '--name', 'run'], env).done();
  t.match(stderr, /^no memory is shared with the workers \(.*there is none\): weights and gradients go over sockets$/m);
  const refused = await startCli(t, ['up', ...config, '--transport', 'shm', '--runs', runs, '--name', 'shm'], env).ended;
  t.match(refused.stderr, /^error: .*there is none$/m);
  t.equal(refused.code, 1);
  const blas = await startCli(t, ['up', ...config, '--engine', 'blas', '--runs', runs, '--name', 'blas', '--max-restarts', '0'], env).ended;
  t.match(blas.stderr, /koffi cannot be loaded: there is none/);
  t.equal(blas.code, 1);
  await runWell(t, 'up', ...config, '--transport', 'socket', '--runs', runs, '--name', 'socket');
  t.same(weightsOf(join(runs, 'run')), weightsOf(join(runs, 'socket')));
});

test('a transport that does not exist', async (t) => {
  const { code, stderr } = await runCli(t, 'up', '--transport', 'pigeon');
  t.equal(code, 2);
  t.match(stderr, /transport/);
});
