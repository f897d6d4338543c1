import type { Precision } from '../../shared/engine/precision.js';
import type { Binding, OpAttribute } from './binding.js';

/** A tensor on TensorFlow's device. */
export type Tensor = number & { readonly tensor: unique symbol };

/** Of TensorFlow's types (tensorflow/core/framework/types.proto). */
const types = { fp16: 19, bf16: 14 } as const;

/**
 * TensorFlow's ops, one call each and without a tape: this engine writes its backward passes itself. Tensors live until
 * `clear`, but for those that are kept.
 */
export class Ops {
  readonly #binding: Binding;
  readonly #float: OpAttribute;
  readonly #products: ReadonlyMap<string, readonly OpAttribute[]>;
  readonly #sum: Readonly<Record<'kept' | 'dropped', readonly OpAttribute[]>>;
  readonly #made: Tensor[] = [];
  /** How factors are rounded, and products widened again, where they are. */
  readonly #casts: Readonly<Record<'round' | 'widen', readonly OpAttribute[]>> | undefined;
  /** Tensors that have been rounded since `clear`. */
  readonly #rounded = new Map<Tensor, Tensor>();
  readonly #kept = new Map<string, Tensor>();

  /** @param precision of the factors of products */
  constructor(binding: Binding, precision: Precision) {
    this.#binding = binding;
    const { TF_ATTR_TYPE: type, TF_ATTR_BOOL: bool, TF_FLOAT: float, TF_INT32: int } = binding;
    this.#float = { name: 'T', type, value: float };
    const factor = precision === 'fp32' ? float : types[precision];
    const cast = (from: number, to: number): OpAttribute[] => [
      { name: 'SrcT', type, value: from },
      { name: 'DstT', type, value: to },
      { name: 'Truncate', type: bool, value: false },
    ];
    this.#casts = factor === float ? undefined : { round: cast(float, factor), widen: cast(factor, float) };
    const product = (a: boolean, b: boolean): [string, OpAttribute[]] => [
      `${a} ${b}`,
      [
        { name: 'transpose_a', type: bool, value: a },
        { name: 'transpose_b', type: bool, value: b },
        { name: 'T', type, value: factor },
      ],
    ];
    this.#products = new Map([product(false, false), product(true, false), product(false, true)]);
    const sum = (keeps: boolean): OpAttribute[] => [
      { name: 'keep_dims', type: bool, value: keeps },
      this.#float,
      { name: 'Tidx', type, value: int },
    ];
    this.#sum = { kept: sum(true), dropped: sum(false) };
  }

  /** The values are not copied where the device is the CPU: they must stay as they are until `clear`. */
  upload(values: Float32Array, shape: readonly number[]): Tensor {
    return this.#track(this.#binding.createTensor(shape, this.#binding.TF_FLOAT, values));
  }

  /** A copy of a tensor's values. */
  read(tensor: Tensor): Float32Array {
    const values = this.#binding.tensorDataSync(tensor);
    if (!(values instanceof Float32Array)) throw new TypeError('the tensor is not of float32');
    return values;
  }

  /** A scalar, made once. */
  constant(value: number): Tensor {
    return this.#keep(`${value}`, () => this.#binding.createTensor([], this.#binding.TF_FLOAT, Float32Array.of(value)));
  }

  product(a: Tensor, b: Tensor, transposed: { readonly a?: boolean; readonly b?: boolean } = {}): Tensor {
    const attributes = this.#products.get(`${transposed.a ?? false} ${transposed.b ?? false}`);
    if (!attributes) throw new RangeError('a product of two transposed matrices is not needed');
    if (!this.#casts) return this.#run('MatMul', attributes, [a, b]);
    return this.#run('Cast', this.#casts.widen, [this.#run('MatMul', attributes, [this.#round(a), this.#round(b)])]);
  }

  /** An elementwise op of one or two tensors, with broadcasting, or one of the gradients of such. */
  apply(name: string, ...tensors: readonly Tensor[]): Tensor {
    return this.#run(name, [this.#float], tensors);
  }

  /** The same for an op with a slope below zero. */
  applyWithSlope(name: string, slope: number, ...tensors: readonly Tensor[]): Tensor {
    return this.#run(name, [{ name: 'alpha', type: this.#binding.TF_ATTR_FLOAT, value: slope }, this.#float], tensors);
  }

  /** [n, width] to [n], or to [n, 1]. */
  rowSums(values: Tensor, shape: 'kept' | 'dropped'): Tensor {
    return this.#run('Sum', this.#sum[shape], [values, this.#axis]);
  }

  /** Each sample's cross entropy, [n], of logits and targets that add up to 1, and its gradient by the logits. */
  softmaxCrossentropy(logits: Tensor, targets: Tensor): readonly [Tensor, Tensor] {
    const outputs = this.#binding.executeOp('SoftmaxCrossEntropyWithLogits', [this.#float], [logits, targets], 2);
    const [losses, gradient] = outputs.map(({ id }) => this.#track(id));
    if (losses === undefined || gradient === undefined) throw new RangeError('the op gave fewer tensors than it should');
    return [losses, gradient];
  }

  /** What was made since `clear`, which does not free it any more: its owner does. */
  release(): readonly Tensor[] {
    return this.#made.splice(0);
  }

  /** Frees tensors that were released. */
  free(tensors: readonly Tensor[]): void {
    for (const tensor of tensors) this.#binding.deleteTensor(tensor);
  }

  /** Frees all tensors but constants and those that were released. */
  clear(): void {
    this.free(this.release());
    this.#rounded.clear();
  }

  close(): void {
    this.clear();
    for (const tensor of this.#kept.values()) this.#binding.deleteTensor(tensor);
    this.#kept.clear();
  }

  #round(tensor: Tensor): Tensor {
    const known = this.#rounded.get(tensor);
    if (known !== undefined) return known;
    const rounded = this.#run('Cast', this.#casts?.round ?? [], [tensor]);
    this.#rounded.set(tensor, rounded);
    return rounded;
  }

  get #axis(): Tensor {
    return this.#keep('axis', () => this.#binding.createTensor([1], this.#binding.TF_INT32, Int32Array.of(1)));
  }

  #run(name: string, attributes: readonly OpAttribute[], inputs: readonly Tensor[]): Tensor {
    const [output] = this.#binding.executeOp(name, attributes, inputs, 1);
    if (!output) throw new RangeError(`${name} gave no tensor`);
    return this.#track(output.id);
  }

  #track(id: number): Tensor {
    this.#made.push(id as Tensor);
    return id as Tensor;
  }

  #keep(name: string, make: () => number): Tensor {
    const known = this.#kept.get(name);
    if (known !== undefined) return known;
    const tensor = make() as Tensor;
    this.#kept.set(name, tensor);
    return tensor;
  }
}
