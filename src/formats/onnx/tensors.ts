import onnxProto from 'onnx-proto';
import { DataError } from '../../shared/text/errors.js';
import { externalBytes } from './externalData.js';

const { TensorProto } = onnxProto.onnx;

export type Graph = onnxProto.onnx.IGraphProto;
export type Node = onnxProto.onnx.INodeProto;

/** A constant of a graph. */
export interface Tensor {
  readonly shape: readonly number[];
  /** The name of its number type. */
  readonly type: string;
  /** float32 values as such, integers as numbers; empty for other types. */
  readonly values: Float32Array | readonly number[];
}

/** The constants of a graph by name: its initializers, and what Constant nodes give. */
export function tensorsOf({ initializer, node }: Graph, path: string): ReadonlyMap<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const proto of initializer ?? []) tensors.set(proto.name ?? '', tensorOf(proto, path));
  for (const { opType, output, attribute } of node ?? []) {
    const value = opType === 'Constant' ? attribute?.find(({ name }) => name === 'value')?.t : undefined;
    if (value) tensors.set(output?.[0] ?? '', tensorOf(value, path));
  }
  return tensors;
}

/** The numbers among a node's attributes. */
export function attributesOf({ attribute }: Node): ReadonlyMap<string, number> {
  const { INT } = onnxProto.onnx.AttributeProto.AttributeType;
  return new Map((attribute ?? []).map(({ name, type, i, f }) => [name ?? '', type === INT ? Number(i) : Number(f)]));
}

function tensorOf(given: onnxProto.onnx.ITensorProto, path: string): Tensor {
  const isExternal = (given.externalData ?? []).length > 0;
  const proto = isExternal ? { ...given, rawData: externalBytes(given, path) } : given;
  const shape = (proto.dims ?? []).map(Number);
  const size = shape.reduce((product, extent) => product * extent, 1);
  const type = TensorProto.DataType[proto.dataType ?? 0] ?? 'an unknown type';
  const values = valuesOf(proto, type);
  const isKnown = type === 'FLOAT' || type === 'INT64';
  if (isKnown && values.length !== size)
    throw new DataError(`${path}: weights ${proto.name}: expected ${size} values, got ${values.length}`);
  return { shape, type, values };
}

function valuesOf({ rawData, floatData, int64Data }: onnxProto.onnx.ITensorProto, type: string): Tensor['values'] {
  // Aligned, in a buffer of their own.
  const raw = rawData && rawData.length > 0 ? new Uint8Array(rawData).buffer : undefined;
  if (type === 'FLOAT') return raw ? new Float32Array(raw, 0, Math.floor(raw.byteLength / 4)) : Float32Array.from(floatData ?? []);
  if (type === 'INT64')
    return raw ? Array.from(new BigInt64Array(raw, 0, Math.floor(raw.byteLength / 8)), Number) : (int64Data ?? []).map(Number);
  return [];
}
