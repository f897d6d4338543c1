import { test } from 'tap';
import { hasBlas } from '../../src/engines/blas/library.js';
import { findGpus } from '../../src/engines/gpu.js';
import { openEngine } from '../../src/engines/openEngine.js';
import { probeHash } from '../../src/engines/probe.js';
import { hasTensorflow } from '../../src/engines/tensorflow/binding.js';
import { engineNames } from '../../src/shared/engine/engineNames.js';
import { UsageError } from '../../src/shared/text/errors.js';
import { dense, dropout, taskOf } from './samples.js';

const task = taskOf(3, [dropout(0.5), dense(4, 'relu'), dense(2, 'softmax')], 'categoricalCrossentropy');

test('every name opens an engine that says what it runs on', async (t) => {
  t.same(engineNames, ['auto', 'blas', 'onnx', 'tensorflow', 'reference']);
  const best = hasBlas(1) ? 'blas' : 'onnx';
  const libraries: Readonly<Record<string, RegExp>> = {
    blas: /^OpenBLAS \d+\.\d+\.\d+ for |^\S+ on /,
    onnx: /^onnxruntime-(node|web) \d+\.\d+\.\d+/,
    tensorflow: /^TensorFlow \d+\.\d+\.\d+/,
    reference: /^bpnn-dist reference$/,
  };
  for (const name of engineNames) {
    if ((name === 'blas' && best !== 'blas') || (name === 'tensorflow' && !hasTensorflow())) continue;
    const engine = await openEngine(name, task);
    const expected = name === 'auto' ? best : name;
    t.equal(engine.identity.engine, expected);
    t.match(engine.identity.library, libraries[expected]);
    await engine.close();
  }
});

test('another name is refused', async (t) => {
  await t.rejects(openEngine('tpu', task), new UsageError("engine: expected one of auto, blas, onnx, tensorflow, reference, got 'tpu'"));
});

test('a device that an engine does not have is an error that says what to do, never the CPU', async (t) => {
  for (const name of ['blas', 'reference']) {
    const refused = new UsageError(`the engine ${name} computes on the CPU; --device webgpu needs tensorflow or onnx`);
    await t.rejects(openEngine(name, { ...task, device: 'webgpu' }), refused);
  }
  await t.rejects(openEngine('tensorflow', { ...task, device: 'webgpu' }), /TensorFlow has no WebGPU/);
});

test('a precision that an engine does not have is an error, never float32', async (t) => {
  const bf16 = { ...task, precision: 'bf16' } as const;
  for (const [name, device] of [
    ['blas', 'cpu'],
    ['reference', 'auto'],
    ['onnx', 'cpu'],
    ['onnx', 'webgpu'],
  ] as const)
    await t.rejects(openEngine(name, { ...bf16, device }), { name: 'UsageError', message: /--precision bf16 needs the engine tensorflow/ });
});

test('a GPU that is not there is an error that says why', { skip: typeof findGpus() !== 'string' && 'there is one' }, async (t) => {
  const reason = /no NVIDIA driver|refuses|finds no GPU|libnvidia-ml/;
  await t.rejects(openEngine('onnx', { ...task, device: 'cuda:0' }), reason);
  await t.rejects(
    openEngine('tensorflow', { ...task, device: 'gpu' }),
    /TensorFlow (for GPUs is not installed|computes on (the CPU|cpu in this process))/,
  );
  await t.rejects(openEngine('auto', { ...task, device: 'gpu' }), /no engine can compute on gpu .*\n {2}tensorflow: .*\n {2}onnx: .*/);
});

test('a probe is the same each time, and tells networks apart', async (t) => {
  const engine = await openEngine('reference', task);
  const hash = await probeHash(engine, task.network);
  t.match(hash, /^[0-9a-f]{16}$/);
  t.equal(await probeHash(engine, task.network), hash);
  const otherTask = taskOf(3, [dropout(0.5), dense(4, 'tanh'), dense(2, 'softmax')], 'categoricalCrossentropy');
  t.not(await probeHash(await openEngine('reference', otherTask), otherTask.network), hash);
});
