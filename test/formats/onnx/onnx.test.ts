import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import onnxProto from 'onnx-proto';
import { InferenceSession, Tensor } from 'onnxruntime-web';
import { test } from 'tap';
import { readOnnx } from '../../../src/formats/onnx/readOnnx.js';
import { onnxBytes, writeOnnx } from '../../../src/formats/onnx/writeOnnx.js';
import { readModelAt } from '../../../src/formats/openModel.js';
import type { DenseLayer, ModelSpec } from '../../../src/shared/model/spec.js';
import { GraphBuilder } from '../../../src/shared/onnx/graphBuilder.js';
import { everything, largestDifference, plain, predictions, weightsOf } from '../everything.js';

const metadata = { loss: 'categoricalCrossentropy', metrics: ['accuracy'], normalize: { divide: 8 } } as const;

/** What an ONNX file keeps of a layer: no dropout, and nothing that is only for training. */
function kept({ inputShape, layers }: ModelSpec): ModelSpec {
  const rest = layers.filter(({ kind }) => kind !== 'dropout');
  const { kernelInitializer, kernelRegularizer, biasRegularizer, trainable } = plain;
  const bare = { kernelInitializer, kernelRegularizer, biasRegularizer, trainable };
  return { inputShape, layers: rest.map((layer) => (layer.kind === 'dense' ? { ...layer, ...bare } : layer)) };
}

test('an ONNX file gives what we give, of inputs as they stand in files, and comes back', async (t) => {
  const weights = weightsOf(everything);
  const model = { spec: everything, weights, metadata };
  const path = join(t.testdir(), 'model.onnx');
  await writeOnnx(path, model);
  t.same(await readOnnx(path), { spec: kept(everything), weights, metadata });
  t.same((await readModelAt(path)).model.spec, kept(everything));

  const inputs = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i) * 8);
  const session = await InferenceSession.create(onnxBytes(model));
  t.same([session.inputNames, session.outputNames], [['input'], ['output']]);
  const { output } = await session.run({ input: new Tensor('float32', inputs, [4, 2, 3]) });
  const expected = await predictions(
    everything,
    weights,
    inputs.map((value) => value / 8),
  );
  t.ok(largestDifference((await output?.getData()) as Float32Array, expected) < 1e-6);
});

const named = (name: string | undefined, units: number, rest: Partial<DenseLayer> = {}): DenseLayer => ({
  ...plain,
  ...(name !== undefined && { name }),
  units,
  ...rest,
});

test('inputs that are filled in, moved and divided one by one come back too', async (t) => {
  const path = join(t.testdir(), 'model.onnx');
  const weights = weightsOf(everything);
  for (const normalize of [
    { subtract: [1, 2, 3, 4, 5, 6], divide: [1, 2, 4, 8, 16, 32] },
    { fill: [0, 1, 0, 1, 0, 1], subtract: [1, 2, 3, 4, 5, 6], divide: [1, 2, 4, 8, 16, 32] },
  ]) {
    await writeOnnx(path, { spec: everything, weights, metadata: { normalize } });
    t.same(await readOnnx(path), { spec: kept(everything), weights, metadata: { normalize } });
    const session = await InferenceSession.create(onnxBytes({ spec: everything, weights, metadata: { normalize } }));
    const inputs = Float32Array.of(3, 'fill' in normalize ? Number.NaN : 1, 5, 2, 2, 2);
    const { output } = await session.run({ input: new Tensor('float32', inputs, [1, 2, 3]) });
    const prepared = inputs.map(
      (value, i) => ((Number.isNaN(value) ? 1 : value) - (normalize.subtract[i] ?? 0)) / (normalize.divide[i] ?? 1),
    );
    t.ok(largestDifference((await output?.getData()) as Float32Array, await predictions(everything, weights, prepared)) < 1e-6);
  }
});

test('models of others: PyTorch transposes its weights, tf2onnx writes MatMul, Add and Reshape', async (t) => {
  const folder = t.testdir();
  const kernel = [1, 2, 3, 4, 5, 6];
  const torch = new GraphBuilder();
  const flat = torch.node('Flatten', [torch.input('x', ['n', 1, 2])], { axis: 1 });
  const hidden = torch.node(
    'Gemm',
    [
      flat,
      torch.array('net.0.weight', [3, 2], Float32Array.of(1, 4, 2, 5, 3, 6)),
      torch.array('net.0.bias', [3], Float32Array.of(7, 8, 9)),
    ],
    {
      transB: 1,
      alpha: { float: 1 },
      beta: { float: 1 },
    },
  );
  torch.output(torch.node('Relu', [hidden]), ['n', 3]);
  writeFileSync(join(folder, 'torch.onnx'), torch.encode());
  t.same(await readOnnx(join(folder, 'torch.onnx')), {
    spec: { inputShape: [1, 2], layers: [{ kind: 'flatten' }, named('net.0', 3, { activation: 'relu' })] },
    weights: Float32Array.of(...kernel, 7, 8, 9),
    metadata: {},
  });

  const keras = new GraphBuilder();
  const scaled = keras.node('Mul', [keras.input('x', ['n', 1, 2]), keras.constant(0.25)]);
  const rows = keras.node('Reshape', [scaled, keras.axes(-1, 2)]);
  const product = keras.node('MatMul', [rows, keras.array('seq/dense/MatMul/ReadVariableOp:0', [2, 3], Float32Array.from(kernel))]);
  const added = keras.node('Add', [product, keras.array('seq/dense/BiasAdd/ReadVariableOp:0', [3], Float32Array.of(7, 8, 9))]);
  keras.output(keras.node('Softmax', [added], { axis: 1 }), ['n', 3]);
  writeFileSync(join(folder, 'keras.onnx'), keras.encode());
  t.same(await readOnnx(join(folder, 'keras.onnx')), {
    spec: { inputShape: [1, 2], layers: [{ kind: 'flatten' }, named('seq_dense', 3, { activation: 'softmax' })] },
    weights: Float32Array.of(...kernel, 7, 8, 9),
    metadata: { normalize: { divide: 4 } },
  });
});

test('weights in a second file are read, from the folder of the model only', async (t) => {
  const folder = t.testdir({ secret: 'x'.repeat(64), model: {} });
  const path = join(folder, 'model', 'model.onnx');
  const data = join(folder, 'model', 'model.onnx.data');
  const kernel = Float32Array.of(1, 2, 3, 4, 5, 6);
  const { TensorProto, ModelProto } = onnxProto.onnx;
  /** As PyTorch writes a layer whose weights are 64 bytes behind the start of another file. */
  const write = (places: Readonly<Record<string, string>>): void => {
    const graph = new GraphBuilder();
    graph.output(graph.node('Gemm', [graph.input('x', ['n', 2]), 'net.0.weight'], { transB: 1 }), ['n', 3]);
    const model = ModelProto.toObject(ModelProto.decode(graph.encode()));
    const externalData = Object.entries(places).map(([key, value]) => ({ key, value }));
    const { FLOAT } = TensorProto.DataType;
    const { EXTERNAL } = TensorProto.DataLocation;
    const weight = { name: 'net.0.weight', dataType: FLOAT, dims: [3, 2], dataLocation: EXTERNAL, externalData };
    writeFileSync(
      path,
      ModelProto.encode(ModelProto.fromObject({ ...model, graph: { ...model['graph'], initializer: [weight] } })).finish(),
    );
  };
  const place = { location: 'model.onnx.data', offset: '64', length: '24' };
  write(place);
  await t.rejects(readOnnx(path), { name: 'DataError', message: `${data}: no such file` });
  writeFileSync(data, Buffer.concat([Buffer.alloc(64), Buffer.from(kernel.buffer)]));
  const { weights } = await readOnnx(path);
  t.same(weights, Float32Array.of(1, 3, 5, 2, 4, 6));
  write({ location: 'model.onnx.data', offset: '64' });
  t.same((await readOnnx(path)).weights, weights, 'to the end of the file');

  symlinkSync(join(folder, 'secret'), join(folder, 'model', 'link'));
  const cases: [object, RegExp][] = [
    [{ location: '../secret' }, /weights net.0.weight: expected files of weights in its folder, got "..\/secret"$/],
    [{ location: join(folder, 'secret') }, /expected files of weights in its folder, got "\//],
    [{ location: 'link', offset: '0' }, /got "link", a link that leads out of it$/],
    [{ location: '' }, /expected a file, got a directory/],
    [{ length: '25' }, /expected 25 bytes at 64 of .*data, got a file of 88 bytes/],
    [{ offset: '-1' }, /expected 24 bytes at -1 of/],
    [{ length: '20' }, /weights net.0.weight: expected 6 values, got 5/],
  ];
  for (const [change, message] of cases) {
    write({ ...place, ...change });
    await t.rejects(readOnnx(path), { name: 'DataError', message });
  }
});

/** What reading a model says whose layers `build` adds behind an input [n, 2]. */
async function refusal(path: string, build: (graph: GraphBuilder, input: string) => string): Promise<string> {
  const graph = new GraphBuilder();
  graph.output(build(graph, graph.input('x', ['n', 2])), ['n', 2]);
  writeFileSync(path, graph.encode());
  const error: unknown = await readOnnx(path).catch((reason: unknown) => reason);
  if (!(error instanceof Error) || error.name !== 'DataError') throw new Error(`was read, or failed otherwise: ${String(error)}`);
  return error.message;
}

test('a layer that we lack is named', async (t) => {
  const path = join(t.testdir(), 'model.onnx');
  const weights = (graph: GraphBuilder, shape: readonly number[] = [2, 2]): string =>
    graph.array('w', shape, new Float32Array(shape.reduce((size, extent) => size * extent, 1)));
  const dense = (graph: GraphBuilder, value: string): string => graph.node('MatMul', [value, weights(graph)]);
  const cases: [(graph: GraphBuilder, input: string) => string, RegExp][] = [
    [(graph, input) => graph.node('Conv', [input, weights(graph)], {}, 'c1'), /layer c1 \(Conv\): expected Flatten, Reshape, Gemm/],
    [(graph, input) => graph.node('Relu', [input]), /\(Relu\): expected .* behind a dense layer/],
    [(graph, input) => graph.node('LeakyRelu', [dense(graph, input)], { alpha: { float: 0.01 } }), /alpha: expected 0.2, got 0.01/],
    [(graph, input) => graph.node('Gemm', [input, weights(graph, [3, 2])]), /expected weights of 2 inputs, got 3/],
    [(graph, input) => graph.node('Gemm', [input, weights(graph)], { alpha: { float: 0.5 } }), /alpha: expected 1, got 0.5/],
    [(graph, input) => graph.node('Gemm', [input, input]), /expected its second input to be a constant|expected x/],
    [
      (graph, input) => graph.node('Div', [dense(graph, input), graph.constant(2)]),
      /expected one that prepares the inputs, .* before the first layer/,
    ],
    [
      (graph, input) => graph.node('Add', [dense(graph, input), dense(graph, input)]),
      /follow each other in one line, got MatMul and MatMul behind x/,
    ],
    [(graph, input) => graph.node('MatMul', [weights(graph), input]), /expected the samples before the weights/],
    [
      (graph, input) => graph.node('Softmax', [graph.output(dense(graph, input), ['n', 2])]),
      /expected one output, what the last layer gives/,
    ],
    [(graph, input) => graph.node('MatMul', [input, graph.array('w', [2, 3], new Float32Array(0))]), /weights w: expected 6 values, got 0/],
    [(graph, input) => graph.node('Identity', [input]), /model.layers: expected at least one dense layer/],
  ];
  for (const [build, pattern] of cases) t.match(await refusal(path, build), pattern);
  const several = new GraphBuilder();
  several.output(several.node('Add', [several.input('a', ['n', 2]), several.input('b', ['n', 2])]), ['n', 2]);
  writeFileSync(path, several.encode());
  await t.rejects(readOnnx(path), { name: 'DataError', message: /expected one input, got a, b/ });
  const open = new GraphBuilder();
  open.output(open.node('Relu', [open.input('a', ['n', 'm'])]), ['n', 'm']);
  writeFileSync(path, open.encode());
  await t.rejects(readOnnx(path), {
    name: 'DataError',
    message: /input a: expected \[n, ...\] with the shape of one sample known, got \[n, m\]/,
  });
  writeFileSync(path, Buffer.concat([Buffer.from([8, 8]), Buffer.from('not a protocol buffer')]));
  await t.rejects(readModelAt(path), { name: 'DataError', message: /cannot be read as ONNX|there is no graph in it/ });
});
