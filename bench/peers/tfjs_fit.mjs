/**
 * Seconds an epoch of the article's run in tfjs-node: native TensorFlow, one process.
 * usage: node tfjs_fit.mjs MNIST_DIR BATCH EPOCHS   # the four idx files, unpacked
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const tf = createRequire(new URL('.tfjs/', import.meta.url))('@tensorflow/tfjs-node');
const [folder, batchSize, epochs] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const read = (name, offset) => readFileSync(join(folder, name)).subarray(offset);
const pixels = Float32Array.from(read('train-images-idx3-ubyte', 16), (value) => value / 255);
const x = tf.tensor(pixels, [60_000, 28, 28]);
const y = tf.oneHot(tf.tensor1d(Int32Array.from(read('train-labels-idx1-ubyte', 8)), 'int32'), 10);
const model = tf.sequential({
  layers: [
    tf.layers.flatten({ inputShape: [28, 28] }),
    tf.layers.dense({ units: 128, activation: 'relu' }),
    tf.layers.dense({ units: 10, activation: 'softmax' }),
  ],
});
model.compile({ optimizer: tf.train.adam(1e-3), loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
let start = 0;
const callbacks = {
  onEpochBegin: () => {
    start = performance.now();
  },
  onEpochEnd: (epoch, logs) => {
    const seconds = ((performance.now() - start) / 1_000).toFixed(3);
    console.log(`tfjs-node batch ${batchSize} epoch ${epoch} seconds ${seconds} val_accuracy ${logs.val_acc.toFixed(4)}`);
  },
};
await model.fit(x, y, { batchSize, epochs, validationSplit: 0.2, verbose: 0, callbacks });
