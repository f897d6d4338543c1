import { test } from 'tap';
import { hasBlas } from '../../src/engines/blas/library.js';
import { openEngine } from '../../src/engines/open.js';
import { probeHash } from '../../src/engines/probe.js';
import { engineNames } from '../../src/shared/config/schema.js';
import { UsageError } from '../../src/shared/errors.js';
import { dense, dropout, taskOf } from './samples.js';

const task = taskOf(3, [dropout(0.5), dense(4, 'relu'), dense(2, 'softmax')], 'categoricalCrossentropy');

test('every name opens an engine that says what it runs on', async (t) => {
  t.same(engineNames, ['auto', 'blas', 'onnx', 'reference']);
  const best = hasBlas(1) ? 'blas' : 'onnx';
  const libraries: Readonly<Record<string, RegExp>> = {
    blas: /^OpenBLAS \d+\.\d+\.\d+ for |^\S+ on /,
    onnx: /^onnxruntime-(node|web) \d+\.\d+\.\d+/,
    reference: /^bpnn-dist reference$/,
  };
  for (const name of engineNames) {
    if (name === 'blas' && best !== 'blas') continue;
    const engine = await openEngine(name, task);
    const expected = name === 'auto' ? best : name;
    t.equal(engine.identity.engine, expected);
    t.match(engine.identity.library, libraries[expected]);
    await engine.close();
  }
});

test('another name is refused', async (t) => {
  await t.rejects(openEngine('tpu', task), new UsageError("engine: expected one of auto, blas, onnx, reference, got 'tpu'"));
});

test('a probe is the same each time, and tells networks apart', async (t) => {
  const engine = await openEngine('reference', task);
  const hash = await probeHash(engine, task.network);
  t.match(hash, /^[0-9a-f]{16}$/);
  t.equal(await probeHash(engine, task.network), hash);
  const otherTask = taskOf(3, [dropout(0.5), dense(4, 'tanh'), dense(2, 'softmax')], 'categoricalCrossentropy');
  t.not(await probeHash(await openEngine('reference', otherTask), otherTask.network), hash);
});
