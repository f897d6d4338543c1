import type { Preparation } from '../../shared/config/dataSchema.js';
import { buildNetwork, modelProblems } from '../../shared/model/network.js';
import { sizeOf } from '../../shared/model/shape.js';
import { type Activation, type DenseLayer, type Layer, leakyReluSlope, type ModelSpec } from '../../shared/model/spec.js';
import { DataError } from '../../shared/text/errors.js';
import { ownName } from '../layerName.js';
import type { SavedModel } from '../savedModel.js';
import { attributesOf, type Node, type Tensor } from './tensors.js';

/** A dense layer and its weights, as they are gathered on the way along the graph. */
interface Gathered {
  readonly layer: DenseLayer;
  /** [inputs, units], row-major. */
  readonly kernel: Float32Array;
  readonly bias: Float32Array | undefined;
}

/** Turns a line of nodes into layers. */
export class Chain {
  readonly #layers: Layer[] = [];
  readonly #dense: Gathered[] = [];
  #fill: readonly number[] | undefined;
  #subtract: readonly number[] | undefined;
  #divide: readonly number[] | undefined;
  #isFlat: boolean;

  constructor(
    readonly path: string,
    readonly tensors: ReadonlyMap<string, Tensor>,
    readonly inputShape: readonly number[],
  ) {
    this.#isFlat = inputShape.length === 1;
  }

  /** @param value the name of what comes from before */
  take(node: Node, value: string): void {
    const others = (node.input ?? []).filter((name) => name !== value && name !== '');
    const attributes = attributesOf(node);
    switch (node.opType) {
      case 'Identity':
      case 'Dropout':
        return;
      case 'Where':
        this.#fill = this.#perInput(node, node.input?.[1]);
        return;
      case 'Sub':
        this.#subtract = this.#perInput(node, others[0], value);
        return;
      case 'Div':
      case 'Mul':
        this.#scale(node, value, others);
        return;
      case 'Flatten':
        this.#check(node, 'axis', attributes.get('axis') ?? 1, 1);
        this.#flatten();
        return;
      case 'Reshape':
        this.#reshape(node, others);
        return;
      case 'Gemm':
        this.#gemm(node, value, others, attributes);
        return;
      case 'MatMul':
        this.#push(node, value, others[0], undefined, false);
        return;
      case 'Add':
        this.#addBias(node, others);
        return;
      default:
        this.#activate(
          activationOf(node, attributes, (name, got, expected) => this.#check(node, name, got, expected)),
          node,
        );
    }
  }

  model(metadata: SavedModel['metadata']): SavedModel {
    const spec: ModelSpec = { inputShape: [...this.inputShape], layers: this.#layers };
    const [problem] = modelProblems(spec);
    if (problem) throw new DataError(`${this.path}: ${problem.path}: ${problem.message}`);
    const { layout } = buildNetwork(spec);
    const weights = new Float32Array(layout.size);
    let offset = 0;
    for (const { kernel, bias } of this.#dense) {
      weights.set(kernel, offset);
      weights.set(bias ?? [], offset + kernel.length);
      offset += kernel.length + (bias?.length ?? 0);
    }
    const normalize = this.#preparation();
    return { spec, weights, metadata: { ...metadata, ...(normalize && { normalize }) } };
  }

  #preparation(): Preparation | undefined {
    const [fill, subtract, divide] = [this.#fill, this.#subtract, this.#divide];
    if (!fill && !subtract && divide?.length === 1) return { divide: divide[0] ?? 1 };
    if (!fill && !subtract && !divide) return undefined;
    const width = sizeOf(this.inputShape);
    const all = (numbers: readonly number[] | undefined, otherwise: number): number[] =>
      numbers?.length === width ? [...numbers] : new Array<number>(width).fill(numbers?.[0] ?? otherwise);
    return { ...(fill && { fill: all(fill, 0) }), subtract: all(subtract, 0), divide: all(divide, 1) };
  }

  /** Inputs are scaled before the first layer, all by one number or each by its own. */
  #scale(node: Node, value: string, others: readonly string[]): void {
    const by = this.#perInput(node, others[0], value);
    if (this.#divide) throw this.#refused(node, 'expected inputs that are scaled once');
    this.#divide = node.opType === 'Div' ? by : by.map((factor) => 1 / factor);
  }

  /** @param value what must come first, where that matters */
  #perInput(node: Node, name: string | undefined, value?: string): readonly number[] {
    const { values } = this.#tensor(node, name);
    const fits = values.length === 1 || values.length === sizeOf(this.inputShape);
    if (!fits || this.#layers.length > 0 || (value !== undefined && node.input?.[0] !== value)) {
      throw this.#refused(node, 'expected one that prepares the inputs, by one number or one an input, before the first layer');
    }
    return Array.from(values);
  }

  #flatten(): void {
    if (!this.#isFlat) this.#layers.push({ kind: 'flatten' });
    this.#isFlat = true;
  }

  /** To rows: [n, values], whatever n is written as. */
  #reshape(node: Node, others: readonly string[]): void {
    const shape = this.#tensor(node, others[0]).values;
    const units = this.#dense.at(-1)?.layer.units ?? sizeOf(this.inputShape);
    if (shape.length !== 2 || (shape[1] !== units && shape[1] !== -1))
      throw this.#refused(node, `expected [n, ${units}], got [${[...shape].join(', ')}]`);
    this.#flatten();
  }

  #gemm(node: Node, value: string, [kernel, bias]: readonly string[], attributes: ReadonlyMap<string, number>): void {
    for (const name of ['alpha', 'beta'] as const) this.#check(node, name, attributes.get(name) ?? 1, 1);
    this.#check(node, 'transA', attributes.get('transA') ?? 0, 0);
    this.#push(node, value, kernel, bias, attributes.get('transB') === 1);
  }

  #push(node: Node, value: string, kernelName: string | undefined, biasName: string | undefined, isTransposed: boolean): void {
    if (node.input?.[0] !== value) throw this.#refused(node, 'expected the samples before the weights');
    const stored = this.#tensor(node, kernelName);
    const [rows = 0, columns = 0] = stored.shape;
    const values = this.#floats(node, stored);
    if (stored.shape.length !== 2) throw this.#refused(node, `expected a matrix of weights, got [${stored.shape.join(', ')}]`);
    const [inputs, units] = isTransposed ? [columns, rows] : [rows, columns];
    const expected = this.#dense.at(-1)?.layer.units ?? sizeOf(this.inputShape);
    if (inputs !== expected) throw this.#refused(node, `expected weights of ${expected} inputs, got ${inputs}`);
    const bias = biasName === undefined ? undefined : this.#bias(node, biasName, units);
    const name = /^(.+)[./](kernel|weight|MatMul.*)$/.exec(kernelName ?? '')?.[1];
    const layer: DenseLayer = {
      kind: 'dense',
      ...(name !== undefined && ownName(name, this.#dense.length)),
      ...{ units, activation: 'linear', useBias: bias !== undefined, kernelInitializer: 'glorotUniform', trainable: true },
      ...{ kernelRegularizer: { l1: 0, l2: 0 }, biasRegularizer: { l1: 0, l2: 0 } },
    };
    this.#layers.push(layer);
    this.#dense.push({ layer, kernel: isTransposed ? transposed(values, units, inputs) : values, bias });
  }

  /** A bias that stands as a node of its own. */
  #addBias(node: Node, [name]: readonly string[]): void {
    const last = this.#dense.at(-1);
    const layer = this.#layers.at(-1);
    if (!last || layer !== last.layer || last.bias || layer.activation !== 'linear')
      throw this.#refused(node, 'expected one behind a MatMul, as its bias');
    const bias = this.#bias(node, name, last.layer.units);
    const withBias = { ...last.layer, useBias: true };
    this.#layers[this.#layers.length - 1] = withBias;
    this.#dense[this.#dense.length - 1] = { ...last, layer: withBias, bias };
  }

  #bias(node: Node, name: string | undefined, units: number): Float32Array {
    const tensor = this.#tensor(node, name);
    if (tensor.values.length !== units || (tensor.shape.at(-1) ?? units) !== units)
      throw this.#refused(node, `expected a bias of ${units} values, got [${tensor.shape.join(', ')}]`);
    return this.#floats(node, tensor);
  }

  #activate(activation: Activation | undefined, node: Node): void {
    const last = this.#dense.at(-1);
    const layer = this.#layers.at(-1);
    if (activation === undefined || !last || layer !== last.layer || layer.activation !== 'linear') {
      throw this.#refused(
        node,
        'expected Flatten, Reshape, Gemm, MatMul and Add, Dropout, or an activation (Relu, LeakyRelu, Elu, Sigmoid, Tanh, Softmax) behind a dense layer',
      );
    }
    const activated = { ...last.layer, activation };
    this.#layers[this.#layers.length - 1] = activated;
    this.#dense[this.#dense.length - 1] = { ...last, layer: activated };
  }

  #tensor(node: Node, name: string | undefined): Tensor {
    const tensor = this.tensors.get(name ?? '');
    if (!tensor) throw this.#refused(node, `expected ${name ?? 'its second input'} to be a constant of the model`);
    return tensor;
  }

  #floats(node: Node, { values, type }: Tensor): Float32Array {
    if (!(values instanceof Float32Array)) throw this.#refused(node, `expected weights of float32, got ${type}`);
    return values;
  }

  #check(node: Node, attribute: string, got: number, expected: number): void {
    if (Math.fround(got) !== Math.fround(expected))
      throw this.#refused(node, `${attribute}: expected ${expected}, got ${Number(got.toPrecision(7))}`);
  }

  #refused({ name, opType }: Node, message: string): DataError {
    return new DataError(`${this.path}: layer ${name || 'without a name'} (${opType}): ${message}`);
  }
}

function activationOf(
  node: Node,
  attributes: ReadonlyMap<string, number>,
  check: (name: string, got: number, expected: number) => void,
): Activation | undefined {
  switch (node.opType) {
    case 'Relu':
      return 'relu';
    case 'LeakyRelu':
      check('alpha', attributes.get('alpha') ?? 0.01, leakyReluSlope);
      return 'leakyRelu';
    case 'Elu':
      check('alpha', attributes.get('alpha') ?? 1, 1);
      return 'elu';
    case 'Sigmoid':
      return 'sigmoid';
    case 'Tanh':
      return 'tanh';
    case 'Softmax':
      // Of rows, the last axis is the second one.
      check('axis', attributes.get('axis') === 1 ? -1 : (attributes.get('axis') ?? -1), -1);
      return 'softmax';
    default:
      return undefined;
  }
}

/** [rows, columns] to [columns, rows]. */
function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) result[column * rows + row] = values[row * columns + column] ?? 0;
  }
  return result;
}
