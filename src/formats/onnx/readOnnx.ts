import { readFile } from 'node:fs/promises';
import onnxProto from 'onnx-proto';
import { DataError, errorMessage } from '../../shared/text/errors.js';
import { notedMetadata } from '../metadata.js';
import type { SavedModel } from '../savedModel.js';
import { Chain } from './chain.js';
import { type Node, type Tensor, tensorsOf } from './tensors.js';
import { noteName } from './writeOnnx.js';

const { ModelProto } = onnxProto.onnx;

/**
 * Reads an ONNX model made of the layers we have, such as PyTorch, tf2onnx and we export them: one input, one output, and
 * between them, in one line, a scaling of the inputs, Flatten or Reshape to rows, Gemm or MatMul and Add, and activations.
 * @throws DataError naming the operator that we lack, or what is wrong with the file
 */
export async function readOnnx(path: string): Promise<SavedModel> {
  const { graph, metadataProps } = decode(await readFile(path), path);
  if (!graph) throw new DataError(`${path}: expected an ONNX model, and there is no graph in it`);
  const tensors = tensorsOf(graph, path);
  const inputs = (graph.input ?? []).filter(({ name }) => !tensors.has(name ?? ''));
  const [input] = inputs;
  if (!input || inputs.length !== 1)
    throw new DataError(`${path}: expected one input, got ${inputs.map(({ name }) => name).join(', ') || 'none'}`);
  const dims = input.type?.tensorType?.shape?.dim ?? [];
  const inputShape = dims.slice(1).map(({ dimValue }) => Number(dimValue ?? 0));
  if (inputShape.length === 0 || inputShape.some((extent) => extent < 1)) {
    throw new DataError(
      `${path}: input ${input.name}: expected [n, ...] with the shape of one sample known, got [${dims.map((dim) => dim.dimParam || dim.dimValue).join(', ')}]`,
    );
  }
  const chain = new Chain(path, tensors, inputShape);
  let value = input.name ?? '';
  for (const node of inOrder(graph.node ?? [], value, tensors, path)) {
    chain.take(node, value);
    value = node.output?.[0] ?? '';
  }
  const outputs = (graph.output ?? []).map(({ name }) => name);
  if (outputs.length !== 1 || outputs[0] !== value) {
    throw new DataError(`${path}: expected one output, what the last layer gives (${value}), got ${outputs.join(', ')}`);
  }
  const note = (metadataProps ?? []).find(({ key }) => key === noteName)?.value;
  return chain.model(note === undefined || note === null ? {} : notedMetadata(parsed(note)));
}

function decode(bytes: Buffer, path: string): InstanceType<typeof ModelProto> {
  try {
    return ModelProto.decode(bytes);
  } catch (error) {
    throw new DataError(`${path}: cannot be read as ONNX: ${errorMessage(error)}`);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The nodes from the input on, each of which takes what the one before it gives; constants are not among them. */
function inOrder(nodes: readonly Node[], input: string, tensors: ReadonlyMap<string, Tensor>, path: string): Node[] {
  const chain: Node[] = [];
  let value = input;
  for (;;) {
    const next = nodes.filter((node) => (node.input ?? []).includes(value) && !tensors.has(node.output?.[0] ?? ''));
    // What stands in for a missing value: where it is none, the value itself.
    const filling = next.length === 2 ? next.find(({ opType }) => opType === 'Where') : undefined;
    const isFilled = filling !== undefined && next.some((node) => node.opType === 'IsNaN' && node.output?.[0] === filling.input?.[0]);
    const only = isFilled ? filling : next[0];
    if (!only) return chain;
    if ((next.length > 1 && !isFilled) || chain.includes(only)) {
      throw new DataError(
        `${path}: expected layers that follow each other in one line, got ${next.map(({ opType }) => opType).join(' and ')} behind ${value}`,
      );
    }
    chain.push(only);
    value = only.output?.[0] ?? '';
  }
}
