import onnxProto from 'onnx-proto';
import type { Precision } from '../engine/precision.js';
import { bytesOf } from '../numbers/bytesOf.js';

const { AttributeProto, ModelProto, TensorProto } = onnxProto.onnx;

/** Extents of a tensor; a name stands for one known only when the graph runs. */
export type Shape = readonly (number | string)[];

/** Operator set the graphs are written in (https://onnx.ai/onnx/operators/), and the file format that goes with it. */
const opset = 17;
const irVersion = 8;

/** Integers, as ints; `{ float }` for the others. */
export type Attributes = Readonly<Record<string, number | { readonly float: number } | undefined>>;

/** Of the matrices that are multiplied. */
export interface Transposed {
  readonly transA?: 1;
  readonly transB?: 1;
}

/** Collects the nodes of an ONNX graph of float32 tensors. Tensors go by their names. */
export class GraphBuilder {
  readonly #nodes: InstanceType<typeof onnxProto.onnx.NodeProto>[] = [];
  readonly #inputs: InstanceType<typeof onnxProto.onnx.ValueInfoProto>[] = [];
  readonly #outputs: InstanceType<typeof onnxProto.onnx.ValueInfoProto>[] = [];
  readonly #constants = new Map<string, InstanceType<typeof TensorProto>>();

  readonly #rounded = new Map<string, string>();
  readonly #precision: Precision;

  /** @param precision of the factors of products */
  constructor(precision: Precision = 'fp32') {
    this.#precision = precision;
  }

  /** Declares an input of the graph. */
  input(name: string, shape: Shape): string {
    this.#inputs.push(valueInfo(name, shape));
    return name;
  }

  /** Declares a tensor an output of the graph. */
  output(name: string, shape: Shape): string {
    this.#outputs.push(valueInfo(name, shape));
    return name;
  }

  /** Adds a node and returns the name of its only output. */
  node(opType: string, inputs: readonly string[], attributes: Attributes = {}, name = `${opType}_${this.#nodes.length}`): string {
    const given = Object.entries(attributes).filter((entry): entry is [string, number | { float: number }] => entry[1] !== undefined);
    const attribute = given.map(([key, value]) =>
      typeof value === 'number'
        ? { name: key, i: value, type: AttributeProto.AttributeType.INT }
        : { name: key, f: value.float, type: AttributeProto.AttributeType.FLOAT },
    );
    this.#nodes.push(onnxProto.onnx.NodeProto.create({ name, opType, input: [...inputs], output: [name], attribute }));
    return name;
  }

  /** The product of two matrices, transposed where the attributes say so, and a row that is added to each of its rows. */
  product(a: string, b: string, { row, ...transposed }: Transposed & { readonly row?: string | undefined } = {}): string {
    if (this.#precision === 'fp32') return this.node('Gemm', row === undefined ? [a, b] : [a, b, row], transposed);
    const product = this.node('Gemm', [this.#round(a), this.#round(b)], transposed);
    const widened = this.node('Cast', [product], { to: TensorProto.DataType.FLOAT });
    return row === undefined ? widened : this.node('Add', [widened, row]);
  }

  #round(value: string): string {
    const to = this.#precision === 'fp16' ? TensorProto.DataType.FLOAT16 : TensorProto.DataType.BFLOAT16;
    const rounded = this.#rounded.get(value) ?? this.node('Cast', [value], { to });
    this.#rounded.set(value, rounded);
    return rounded;
  }

  /** A float32 number that broadcasts against every shape. */
  constant(value: number): string {
    const name = `constant ${value}`;
    this.#constants.set(name, TensorProto.create({ name, dataType: TensorProto.DataType.FLOAT, dims: [], floatData: [value] }));
    return name;
  }

  /** Axes, for the operators that take them as an input. */
  axes(...axes: number[]): string {
    const name = `axes ${axes.join(' ')}`;
    this.#constants.set(name, TensorProto.create({ name, dataType: TensorProto.DataType.INT64, dims: [axes.length], int64Data: axes }));
    return name;
  }

  /** An array of float32 values that stands in the model itself. */
  array(name: string, shape: readonly number[], values: Float32Array): string {
    const rawData = bytesOf(values);
    this.#constants.set(name, TensorProto.create({ name, dataType: TensorProto.DataType.FLOAT, dims: [...shape], rawData }));
    return name;
  }

  /**
   * The model as the bytes of an .onnx file.
   * @param notes texts that go with it, by name
   */
  encode(notes: Readonly<Record<string, string>> = {}): Uint8Array {
    const graph = {
      name: 'bpnn-dist',
      node: this.#nodes,
      input: this.#inputs,
      output: this.#outputs,
      initializer: [...this.#constants.values()],
    };
    const metadataProps = Object.entries(notes).map(([key, value]) => ({ key, value }));
    return ModelProto.encode({
      irVersion,
      producerName: 'bpnn-dist',
      opsetImport: [{ domain: '', version: opset }],
      graph,
      metadataProps,
    }).finish();
  }
}

function valueInfo(name: string, shape: Shape): InstanceType<typeof onnxProto.onnx.ValueInfoProto> {
  const dim = shape.map((extent) => (typeof extent === 'string' ? { dimParam: extent } : { dimValue: extent }));
  const type = { tensorType: { elemType: TensorProto.DataType.FLOAT, shape: { dim } } };
  return onnxProto.onnx.ValueInfoProto.create({ name, type });
}
