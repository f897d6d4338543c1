import { test } from 'tap';
import { hasBlas } from '../../src/engines/blas/library.js';
import { openOnnx } from '../../src/engines/onnx/open.js';
import { openEngine } from '../../src/engines/openEngine.js';
import { hasTensorflow } from '../../src/engines/tensorflow/binding.js';
import { dense, dropout, sampleOf, taskOf } from '../engines/samples.js';

/** Memory over 10,000 gradients of each engine that this machine has: `npm run check:engines`. */

const steps = 10_000;
/** Megabytes that a process may grow by after its first 2,000 steps: one tensor of the first layer a step would be 4,000. */
const slack = 20;

const task = taskOf(784, [dense(128, 'relu'), dropout(0.5), dense(10, 'softmax')], 'categoricalCrossentropy');
const engines = {
  reference: () => openEngine('reference', task),
  'onnx on cpu': () => openOnnx(task, { provider: 'cpu' }),
  'onnx on wasm': () => openOnnx(task, { provider: 'wasm' }),
  ...(hasBlas(1) && { blas: () => openEngine('blas', task) }),
  ...(hasTensorflow() && { tensorflow: () => openEngine('tensorflow', task) }),
};

for (const [name, open] of Object.entries(engines)) {
  test(`${name}: memory stays flat over ${steps} steps`, async (t) => {
    // The reference takes ten times as long as the others: one sample will do.
    const { batch, weights } = sampleOf(task, name === 'reference' ? 1 : 16, 1);
    const gradient = new Float32Array(weights.length);
    const engine = await open();
    let early = 0;
    let late = 0;
    for (let step = 1; step <= steps; step++) {
      await engine.gradient(batch, weights, gradient);
      if (step % 100 !== 0) continue;
      // Lets what waits to be freed be freed.
      await new Promise((resolve) => setImmediate(resolve));
      const megabytes = process.memoryUsage.rss() / 2 ** 20;
      if (step <= 2_000) early = Math.max(early, megabytes);
      else if (step > steps - 1_000) late = Math.max(late, megabytes);
    }
    await engine.close();
    t.comment(`${early.toFixed(0)} MB, then ${late.toFixed(0)} MB`);
    t.ok(late - early <= slack, `it grows by ${(late - early).toFixed(1)} MB`);
  });
}
