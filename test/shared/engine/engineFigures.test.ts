import { test } from 'tap';
import { type EngineFigure, fastestOf, isOpen } from '../../../src/shared/engine/engineFigures.js';

const figure = (engine: EngineFigure['engine'], ms: number | null, reason?: string): EngineFigure => ({
  engine,
  device: 'cpu',
  ms,
  reason,
});

test('the fastest that works, and of equals the first', async (t) => {
  t.equal(fastestOf([figure('blas', 2), figure('onnx', 1)])?.engine, 'onnx');
  t.equal(fastestOf([figure('blas', 1.04), figure('onnx', 1)])?.engine, 'blas', 'within the noise the order decides');
  t.equal(fastestOf([figure('blas', null, 'broken'), figure('onnx', 9)])?.engine, 'onnx');
  t.equal(fastestOf([figure('onnx', null)])?.engine, 'onnx', 'the only one need not be timed');
  t.equal(fastestOf([figure('onnx', null, 'broken')]), undefined);
});

test('what a config leaves open', async (t) => {
  for (const engine of ['auto', 'onnx', 'tensorflow'] as const) t.ok(isOpen({ engine, device: 'auto' }), engine);
  t.ok(isOpen({ engine: 'auto', device: 'gpu' }));
  t.notOk(isOpen({ engine: 'onnx', device: 'cpu' }));
  for (const engine of ['blas', 'reference'] as const) t.notOk(isOpen({ engine, device: 'auto' }), `${engine} has one device`);
});
