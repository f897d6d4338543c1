import type { Preparation } from '../../shared/config/dataSchema.js';
import { writeDurably } from '../../shared/files/durableFile.js';
import { type ParameterLayout, viewOf } from '../../shared/model/layout.js';
import { buildNetwork } from '../../shared/model/network.js';
import { activate } from '../../shared/onnx/activate.js';
import { GraphBuilder } from '../../shared/onnx/graphBuilder.js';
import { version } from '../../shared/system/version.js';
import type { SavedModel } from '../savedModel.js';

/** Where we note what ONNX has no words for. */
export const noteName = 'bpnn_dist';

/**
 * Writes a model as an ONNX file, with the preparation of its inputs in it: `input`, [n, ...sample shape], takes samples as
 * they stand in the data's files, as float32; `output`, [n, outputs], is what the model gives.
 * @throws the system's error, with an older file still in place
 */
export async function writeOnnx(path: string, model: SavedModel): Promise<void> {
  await writeDurably(path, [onnxBytes(model)]);
}

export function onnxBytes({ spec, weights, metadata }: SavedModel): Uint8Array {
  const network = buildNetwork(spec);
  const graph = new GraphBuilder();
  const { normalize } = metadata;
  let value = graph.input('input', ['n', ...spec.inputShape]);
  if (normalize) value = prepared(graph, value, normalize, spec.inputShape);
  if (spec.inputShape.length > 1) value = graph.node('Flatten', [value], { axis: 1 }, 'flat');
  const { place } = arrays(graph, network.layout, weights);
  for (const op of network.ops) {
    // Dropout is for training only.
    if (op.kind === 'dropout') continue;
    const inputs = [value, place(op.kernel.name), ...(op.bias ? [place(op.bias.name)] : [])];
    value = activate(graph, op.activation, graph.node('Gemm', inputs));
  }
  graph.output(graph.node('Identity', [value], {}, 'output'), ['n', network.outputs]);
  return graph.encode({ [noteName]: JSON.stringify({ version, ...metadata }) });
}

/** What training does to inputs as they stand in files. */
function prepared(graph: GraphBuilder, input: string, preparation: Preparation, shape: readonly number[]): string {
  if (!('subtract' in preparation)) return graph.node('Div', [input, graph.constant(preparation.divide)], {}, 'prepared');
  const row = (name: string, values: readonly number[]): string => graph.array(name, [1, ...shape], Float32Array.from(values));
  const { fill, subtract, divide } = preparation;
  const known = fill ? graph.node('Where', [graph.node('IsNaN', [input]), row('fill', fill), input]) : input;
  return graph.node('Div', [graph.node('Sub', [known, row('subtract', subtract)]), row('divide', divide)], {}, 'prepared');
}

/** Puts all parameters into the graph. */
function arrays(graph: GraphBuilder, { parameters }: ParameterLayout, weights: Float32Array): { place: (name: string) => string } {
  const placed = new Map(
    parameters.map((parameter) => [parameter.name, graph.array(parameter.name, parameter.shape, viewOf(weights, parameter))]),
  );
  return { place: (name) => placed.get(name) ?? '' };
}
