import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { command, emptyFolder, repository, skipReason, succeeded } from './command.js';

/** Downloads what `setup` installs from the package index itself, and trains with it. */

test('setup blas installs an OpenBLAS that trains', { skip: skipReason() }, async (t) => {
  const env = { BPNN_DIST_HOME: emptyFolder(t), BPNN_DIST_BLAS: '' };
  const cli = [process.execPath, 'dist/cli/main.js'];
  const installed = await command(repository, [...cli, 'setup', 'blas'], env);
  succeeded(t, installed, 'it installs');
  t.match(installed.stderr, /the engine blas now uses OpenBLAS 0\.3\.34 for \S+/);
  const flags = ['--engine', 'blas', '--model', '784-16-10', '--steps', '20', '--json', '--runs', emptyFolder(t)];
  const trained = await command(repository, [...cli, 'up', ...flags], env);
  succeeded(t, trained, 'it trains');
  t.match(JSON.parse(trained.stdout), { steps: 20, engine: { library: /^OpenBLAS 0\.3\.34 for / } });
});

test('setup tensorflow installs native TensorFlow for the CPU, which trains to the same accuracy as onnx', {
  skip: skipReason(),
}, async (t) => {
  const env = { BPNN_DIST_HOME: emptyFolder(t) };
  const cli = [process.execPath, 'dist/cli/main.js'];
  const installed = await command(repository, [...cli, 'setup', 'tensorflow', '--device', 'cpu'], env);
  succeeded(t, installed, 'it installs');
  t.match(installed.stderr, /TensorFlow 2\.21\.0 runs on the CPU here/);
  t.same(readdirSync(join(env.BPNN_DIST_HOME, 'tensorflow-cpu')).sort(), ['lib', 'tfjs_binding.node'], 'and leaves nothing else');
  const accuracies: number[] = [];
  for (const engine of ['tensorflow', 'onnx']) {
    const flags = ['--engine', engine, '--model', '784-128-10', '--epochs', '1', '--json', '--runs', emptyFolder(t)];
    const trained = await command(repository, [...cli, 'up', ...flags], env);
    succeeded(t, trained, `it trains on ${engine}`);
    const summary: { testAccuracy: number; engine: { library: string; provider: string } } = JSON.parse(trained.stdout);
    if (engine === 'tensorflow') t.match(summary.engine, { library: 'TensorFlow 2.21.0', provider: 'cpu' });
    accuracies.push(summary.testAccuracy);
  }
  t.ok(Math.abs((accuracies[0] ?? 0) - (accuracies[1] ?? 1)) < 0.003, `${accuracies}`);
  const onGpu = await command(repository, [...cli, 'up', '--engine', 'tensorflow', '--device', 'gpu', '--runs', emptyFolder(t)], env);
  t.equal(onGpu.code, 1);
  t.match(onGpu.stderr, /TensorFlow for GPUs is not installed; type: bpnn-dist setup tensorflow --device gpu/);
});
