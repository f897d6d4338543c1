import { type Activation, leakyReluSlope } from '../../shared/model/spec.js';

interface Pointwise {
  /** Activation a of the preactivation z. */
  value(z: number): number;
  /** da/dz, from both. At a kink it is what TensorFlow takes. */
  slope(z: number, a: number): number;
}

const pointwise: Readonly<Record<Exclude<Activation, 'softmax'>, Pointwise>> = {
  linear: { value: (z) => z, slope: () => 1 },
  relu: { value: (z) => Math.max(z, 0), slope: (z) => (z > 0 ? 1 : 0) },
  leakyRelu: { value: (z) => (z > 0 ? z : leakyReluSlope * z), slope: (z) => (z > 0 ? 1 : leakyReluSlope) },
  elu: { value: (z) => (z > 0 ? z : Math.expm1(z)), slope: (z, a) => (z > 0 ? 1 : a + 1) },
  sigmoid: { value: sigmoid, slope: (_, a) => a * (1 - a) },
  tanh: { value: Math.tanh, slope: (_, a) => 1 - a * a },
};

/** Activations of preactivations [n, width]: a fresh array of that shape. */
export function activate(activation: Activation, z: Float64Array, width: number): Float64Array {
  if (activation === 'softmax') return softmaxRows(z, width);
  return z.map(pointwise[activation].value);
}

/**
 * The loss's gradient by the preactivations, from its gradient by the activations.
 * @param z preactivations, [n, width]
 * @param a activations, [n, width]
 * @param gradient by the activations, [n, width]
 */
export function activationGradient(
  activation: Activation,
  z: Float64Array,
  a: Float64Array,
  gradient: Float64Array,
  width: number,
): Float64Array {
  if (activation === 'softmax') return softmaxGradient(a, gradient, width);
  const { slope } = pointwise[activation];
  return gradient.map((value, i) => value * slope(z[i] ?? 0, a[i] ?? 0));
}

/** 1 / (1 + e^-z) without overflow, and without losing the small values. */
export function sigmoid(z: number): number {
  return z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z));
}

function softmaxRows(z: Float64Array, width: number): Float64Array {
  const p = new Float64Array(z.length);
  for (let start = 0; start < z.length; start += width) softmaxRow(z.subarray(start, start + width), p.subarray(start, start + width));
  return p;
}

/** Writes the softmax of a row of logits to `p` and returns their log-sum-exp. */
export function softmaxRow(logits: Float64Array, p: Float64Array): number {
  const largest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  let sum = 0;
  for (const [k, logit] of logits.entries()) {
    const weight = Math.exp(logit - largest);
    p[k] = weight;
    sum += weight;
  }
  for (const [k, weight] of p.entries()) p[k] = weight / sum;
  return largest + Math.log(sum);
}

/** The full Jacobian, diag(a) - a a^T, applied to each row. */
function softmaxGradient(a: Float64Array, gradient: Float64Array, width: number): Float64Array {
  const result = new Float64Array(a.length);
  for (let start = 0; start < a.length; start += width) {
    let mean = 0;
    for (let i = start; i < start + width; i++) mean += (a[i] ?? 0) * (gradient[i] ?? 0);
    for (let i = start; i < start + width; i++) result[i] = (a[i] ?? 0) * ((gradient[i] ?? 0) - mean);
  }
  return result;
}
