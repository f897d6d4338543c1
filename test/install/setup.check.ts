import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { command, type Ended, emptyFolder, repository, skipReason, succeeded } from './command.js';

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

test('engines for GPUs on a machine without one: they load, a GPU asked for is an error with the reason, auto does without', {
  skip: skipReason(),
}, async (t) => {
  const env = { BPNN_DIST_HOME: emptyFolder(t), XDG_CACHE_HOME: emptyFolder(t), BPNN_DIST_ENGINE: '' };
  const cli = [process.execPath, 'dist/cli/main.js'];
  // Without the libraries of CUDA, which are loaded where there is a GPU.
  const tensorflow = await command(repository, [...cli, 'setup', 'tensorflow', '--device', 'gpu', '--system-cuda'], env);
  succeeded(t, tensorflow, 'TensorFlow is installed');
  t.match(tensorflow.stderr, /TensorFlow 2\.21\.0 runs on the CPU here \(there is no NVIDIA driver/);
  const onnx = await command(repository, [...cli, 'setup', 'onnx-cuda', '--system-cuda'], env);
  succeeded(t, onnx, 'ONNX Runtime is installed');
  t.match(onnx.stderr, /it is installed, and cannot be used here: .*there is no NVIDIA driver/);

  const up = (...flags: readonly string[]): Promise<Ended> =>
    command(repository, [...cli, 'up', '--model', '784-16-10', '--steps', '20', '--runs', emptyFolder(t), ...flags], env);
  for (const engine of ['tensorflow', 'onnx', 'auto']) {
    const { code, stderr } = await up('--engine', engine, '--device', 'gpu', '--max-restarts', '0');
    t.equal(code, 1, engine);
    t.match(stderr, /there is no NVIDIA driver \(libcuda\.so\.1\)/, engine);
  }
  const auto = await up('--engine', 'auto', '--device', 'auto');
  succeeded(t, auto, 'auto trains');
  t.match(auto.stderr, /^\S+\/cpu \S+ ms, .*tensorflow\/cpu \S+ ms a step: \S+\/cpu$/m);
  t.match(auto.stderr, /^no GPU is used: there is no NVIDIA driver/m);

  const { code, stdout } = await command(repository, [...cli, 'doctor', '--device', 'gpu'], env);
  t.equal(code, 1);
  t.match(stdout, /^-- +gpus +there is no NVIDIA driver/m);
  t.match(stdout, /^ok +engine tensorflow cpu +TensorFlow 2\.21\.0 on cpu: /m);
  t.match(stdout, /^-- +engine tensorflow gpu +TensorFlow computes on the CPU: there is no NVIDIA driver/m);
  t.match(stdout, /^-- +engine onnx gpu +ONNX Runtime cannot compute on cuda here: there is no NVIDIA driver/m);
  t.match(stdout, /^ +-> it is installed; what is missing is an NVIDIA GPU or its driver/m);
  t.match(stdout, /^training cannot run on gpu$/m);
});
