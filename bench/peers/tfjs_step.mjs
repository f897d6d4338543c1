/**
 * Milliseconds a step of tfjs-node's own `fit`: native TensorFlow, one process, one thread.
 * usage: TF_NUM_INTRAOP_THREADS=1 node tfjs_step.mjs HIDDEN,HIDDEN BATCH STEPS
 */
import { createRequire } from 'node:module';

const tf = createRequire(new URL('.tfjs/', import.meta.url))('@tensorflow/tfjs-node');
const hidden = process.argv[2].split(',').map(Number);
const [batchSize, steps] = [Number(process.argv[3]), Number(process.argv[4])];
const x = tf.randomUniform([batchSize * steps, 784]);
const y = tf.oneHot(tf.randomUniform([batchSize * steps], 0, 10, 'int32'), 10);
const dense = (units, activation, inputShape) => tf.layers.dense({ units, activation, inputShape });
const layers = hidden.map((units, i) => dense(units, 'relu', i === 0 ? [784] : undefined));
const model = tf.sequential({ layers: [...layers, dense(10, 'softmax')] });
model.compile({ optimizer: tf.train.adam(1e-3), loss: 'categoricalCrossentropy' });
let start = 0;
let last = 0;
const callbacks = {
  onEpochBegin: () => {
    start = performance.now();
  },
  onEpochEnd: () => {
    last = performance.now() - start;
  },
};
// The first epoch warms up.
await model.fit(x, y, { batchSize, epochs: 2, shuffle: false, verbose: 0, callbacks });
console.log((last / steps).toPrecision(3));
