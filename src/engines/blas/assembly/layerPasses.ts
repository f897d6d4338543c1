// What stands between the matrix products of a network, in SIMD WebAssembly. AssemblyScript, compiled by `npm run build`.
// Addresses are in bytes; matrices are [rows, columns], row-major, float32.

/** z = z + bias, row by row */
export function addBias(z: usize, bias: usize, rows: i32, columns: i32): void {
  for (let row = 0; row < rows; row++, z += (<usize>columns) << 2) {
    let i = 0;
    for (; i <= columns - 4; i += 4) {
      const at = (<usize>i) << 2;
      v128.store(z + at, f32x4.add(v128.load(z + at), v128.load(bias + at)));
    }
    for (; i < columns; i++) {
      const at = (<usize>i) << 2;
      f32.store(z + at, f32.load(z + at) + f32.load(bias + at));
    }
  }
}

/** z = max(z + bias, slope * (z + bias)), row by row; a slope of 0 is relu */
export function addBiasRectify(z: usize, bias: usize, rows: i32, columns: i32, slope: f32): void {
  const slopes = f32x4.splat(slope);
  for (let row = 0; row < rows; row++, z += (<usize>columns) << 2) {
    let i = 0;
    for (; i <= columns - 4; i += 4) {
      const at = (<usize>i) << 2;
      const v = f32x4.add(v128.load(z + at), v128.load(bias + at));
      v128.store(z + at, slope === 0 ? f32x4.max(v, f32x4.splat(0)) : f32x4.max(v, f32x4.mul(v, slopes)));
    }
    for (; i < columns; i++) {
      const at = (<usize>i) << 2;
      const v = f32.load(z + at) + f32.load(bias + at);
      f32.store(z + at, slope === 0 ? max<f32>(v, 0) : max<f32>(v, v * slope));
    }
  }
}

/** a = max(a, slope * a), elementwise; a slope of 0 is relu */
export function rectify(a: usize, length: i32, slope: f32): void {
  const slopes = f32x4.splat(slope);
  let i = 0;
  for (; i <= length - 4; i += 4, a += 16) {
    const v = v128.load(a);
    v128.store(a, slope === 0 ? f32x4.max(v, f32x4.splat(0)) : f32x4.max(v, f32x4.mul(v, slopes)));
  }
  for (; i < length; i++, a += 4) {
    const v = f32.load(a);
    f32.store(a, slope === 0 ? max<f32>(v, 0) : max<f32>(v, v * slope));
  }
}

/** d = d where a > 0, else slope * d */
export function rectifyGradient(d: usize, a: usize, length: i32, slope: f32): void {
  const slopes = f32x4.splat(slope);
  const zero = f32x4.splat(0);
  let i = 0;
  for (; i <= length - 4; i += 4, d += 16, a += 16) {
    const v = v128.load(d);
    v128.store(d, v128.bitselect(v, f32x4.mul(v, slopes), f32x4.gt(v128.load(a), zero)));
  }
  for (; i < length; i++, d += 4, a += 4) {
    const v = f32.load(d);
    f32.store(d, f32.load(a) > 0 ? v : v * slope);
  }
}

/** into = into * by, elementwise */
export function multiply(into: usize, by: usize, length: i32): void {
  let i = 0;
  for (; i <= length - 4; i += 4, into += 16, by += 16) v128.store(into, f32x4.mul(v128.load(into), v128.load(by)));
  for (; i < length; i++, into += 4, by += 4) f32.store(into, f32.load(into) * f32.load(by));
}

/** sums = the sum of all rows, added up from the first to the last */
export function columnSums(d: usize, sums: usize, rows: i32, columns: i32): void {
  memory.fill(sums, 0, (<usize>columns) << 2);
  for (let row = 0; row < rows; row++, d += (<usize>columns) << 2) {
    let i = 0;
    for (; i <= columns - 4; i += 4) {
      const at = (<usize>i) << 2;
      v128.store(sums + at, f32x4.add(v128.load(sums + at), v128.load(d + at)));
    }
    for (; i < columns; i++) {
      const at = (<usize>i) << 2;
      f32.store(sums + at, f32.load(sums + at) + f32.load(d + at));
    }
  }
}

// Functions of e^x are computed in float64, so that what is stored is rounded once. They are our own to be the same bits
// on every machine and version of the runtime; the logarithm, which only the loss's figure needs, is the runtime's.

/** Turns each row of logits into its softmax. `powers` has room for a row of float64. */
export function softmax(z: usize, rows: i32, columns: i32, powers: usize): void {
  for (let row = 0; row < rows; row++, z += (<usize>columns) << 2) normalize(z, columns, powers, raise(z, columns, maximum(z, columns), powers));
}

/**
 * As Keras's categorical_crossentropy from logits: the sum over the rows of t * (logsumexp - z). Turns each row of logits
 * into its softmax p, and writes the gradient p * sum(t) - t.
 */
export function softmaxCrossentropy(z: usize, targets: usize, gradient: usize, rows: i32, columns: i32, powers: usize): f64 {
  let loss: f64 = 0;
  const bytes = (<usize>columns) << 2;
  for (let row = 0; row < rows; row++, z += bytes, targets += bytes, gradient += bytes) {
    let weight: f64 = 0;
    let aligned: f64 = 0;
    for (let at: usize = 0; at < bytes; at += 4) {
      const t = <f64>f32.load(targets + at);
      weight += t;
      if (t !== 0) aligned += t * <f64>f32.load(z + at);
    }
    const largest = maximum(z, columns);
    const sum = raise(z, columns, largest, powers);
    normalize(z, columns, powers, sum);
    const scale = <f32>weight;
    for (let at: usize = 0; at < bytes; at += 4) f32.store(gradient + at, f32.load(z + at) * scale - f32.load(targets + at));
    loss += weight * (largest + log(sum)) - aligned;
  }
  return loss;
}

/** Natural logarithms are taken of products of so many numbers from 1 to 2: they are as exact, and many times as fast. */
const factors: i32 = 512;

/**
 * As Keras's binary_crossentropy from logits: the sum over the rows of the mean of max(z, 0) - z * t + log(1 + e^-|z|).
 * Turns the logits into their sigmoids p, and writes the gradient (p - t) / columns.
 */
export function sigmoidCrossentropy(z: usize, targets: usize, gradient: usize, rows: i32, columns: i32): f64 {
  const one = f64x2.splat(1);
  const zero = f64x2.splat(0);
  const width = f64x2.splat(<f64>columns);
  const bytes = (<usize>columns) << 2;
  let loss: f64 = 0;
  for (let row = 0; row < rows; row++, z += bytes, targets += bytes, gradient += bytes) {
    let sum = zero;
    let logarithms: f64 = 0;
    for (let start = 0; start < columns; start += factors) {
      const end = min(start + factors, columns);
      let product = one;
      for (let i = start; i < end; i += 2) {
        const at = (<usize>i) << 2;
        const x = kept2(get2(z + at), end - i);
        const t = kept2(get2(targets + at), end - i);
        const power = exp(f64x2.neg(f64x2.abs(x)));
        const total = f64x2.add(one, power);
        const p = f64x2.div(v128.bitselect(one, power, f64x2.ge(x, zero)), total);
        sum = f64x2.add(sum, f64x2.sub(f64x2.max(x, zero), f64x2.mul(x, t)));
        // What stands for a column that is not there is a zero, and e^0 a 1.
        product = f64x2.mul(product, end - i >= 2 ? total : f64x2.replace_lane(total, 1, 1));
        put2(gradient + at, f64x2.div(f64x2.sub(p, t), width), end - i);
        put2(z + at, p, end - i);
      }
      logarithms += log(f64x2.extract_lane(product, 0)) + log(f64x2.extract_lane(product, 1));
    }
    loss += (f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1) + logarithms) / <f64>columns;
  }
  return loss;
}

/**
 * The sum over the rows of the mean of (a - t)^2, with the gradient 2 * (a - t) / columns; or, not squared, of |a - t| with
 * sign(a - t) / columns
 */
export function meanError(a: usize, targets: usize, gradient: usize, rows: i32, columns: i32, isSquared: bool): f64 {
  const width = f64x2.splat(<f64>columns);
  const two = f64x2.splat(2);
  const bytes = (<usize>columns) << 2;
  let loss: f64 = 0;
  for (let row = 0; row < rows; row++, a += bytes, targets += bytes, gradient += bytes) {
    let sum: f64 = 0;
    for (let i = 0; i < columns; i += 2) {
      const at = (<usize>i) << 2;
      const d = f64x2.sub(get2(a + at), get2(targets + at));
      sum = plusLanes(sum, isSquared ? f64x2.mul(d, d) : f64x2.abs(d), columns - i);
      put2(gradient + at, f64x2.div(isSquared ? f64x2.mul(two, d) : sign2(d), width), columns - i);
    }
    loss += sum / <f64>columns;
  }
  return loss;
}

/** z = 1 / (1 + e^-z) */
export function sigmoid(z: usize, length: i32): void {
  const one = f64x2.splat(1);
  for (let i = 0; i < length; i += 2, z += 8) put2(z, f64x2.div(one, f64x2.add(one, exp(f64x2.neg(get2(z))))), length - i);
}

/** z = tanh(z) = 1 - 2 / (e^2z + 1); for small z, where that would lose digits, z - z^3 / 3 */
export function tanh(z: usize, length: i32): void {
  const one = f64x2.splat(1);
  const two = f64x2.splat(2);
  for (let i = 0; i < length; i += 2, z += 8) {
    const x = get2(z);
    const wide = f64x2.sub(one, f64x2.div(two, f64x2.add(exp(f64x2.mul(two, x)), one)));
    const narrow = f64x2.sub(x, f64x2.div(f64x2.mul(x, f64x2.mul(x, x)), f64x2.splat(3)));
    put2(z, v128.bitselect(narrow, wide, f64x2.lt(f64x2.abs(x), f64x2.splat(1e-3))), length - i);
  }
}

/** z = z where z > 0, else e^z - 1; for small z z + z^2 / 2 + z^3 / 6 */
export function elu(z: usize, length: i32): void {
  const one = f64x2.splat(1);
  for (let i = 0; i < length; i += 2, z += 8) {
    const x = get2(z);
    const wide = f64x2.sub(exp(f64x2.min(x, f64x2.splat(0))), one);
    const narrow = f64x2.add(x, f64x2.mul(f64x2.mul(x, x), f64x2.add(f64x2.splat(0.5), f64x2.div(x, f64x2.splat(6)))));
    const below = v128.bitselect(narrow, wide, f64x2.lt(f64x2.abs(x), f64x2.splat(1e-3)));
    put2(z, v128.bitselect(x, below, f64x2.gt(x, f64x2.splat(0))), length - i);
  }
}

/** d = d * a * (1 - a) */
export function sigmoidGradient(d: usize, a: usize, length: i32): void {
  const one = f32x4.splat(1);
  for (let i = 0; i < length; i += 4, d += 16, a += 16) {
    const v = v128.load(a);
    v128.store(d, f32x4.mul(v128.load(d), f32x4.mul(v, f32x4.sub(one, v))));
  }
}

/** d = d * (1 - a^2) */
export function tanhGradient(d: usize, a: usize, length: i32): void {
  const one = f32x4.splat(1);
  for (let i = 0; i < length; i += 4, d += 16, a += 16) {
    const v = v128.load(a);
    v128.store(d, f32x4.mul(v128.load(d), f32x4.sub(one, f32x4.mul(v, v))));
  }
}

/** d = d where a >= 0, else d * (a + 1), which is d * e^z */
export function eluGradient(d: usize, a: usize, length: i32): void {
  const one = f32x4.splat(1);
  for (let i = 0; i < length; i += 4, d += 16, a += 16) {
    const v = v128.load(a);
    v128.store(d, f32x4.mul(v128.load(d), f32x4.min(one, f32x4.add(v, one))));
  }
}

// @ts-ignore: decorator
@external("env", "log")
declare function log(x: f64): f64;

/** The largest of a row, or NaN where there is one. */
function maximum(z: usize, columns: i32): f64 {
  let largest: f32 = -Infinity;
  for (let i = 0; i < columns; i++) largest = max<f32>(largest, f32.load(z + ((<usize>i) << 2)));
  return <f64>largest;
}

/** Writes e^(z - largest) of a row, and returns the sum. */
function raise(z: usize, columns: i32, largest: f64, powers: usize): f64 {
  const shift = f64x2.splat(largest);
  let sum: f64 = 0;
  for (let i = 0; i < columns; i += 2) {
    const power = exp(f64x2.sub(get2(z + ((<usize>i) << 2)), shift));
    v128.store(powers + ((<usize>i) << 3), power);
    sum += f64x2.extract_lane(power, 0);
    if (i + 1 < columns) sum += f64x2.extract_lane(power, 1);
  }
  return sum;
}

/** z = powers / sum, over a row */
function normalize(z: usize, columns: i32, powers: usize, sum: f64): void {
  const sums = f64x2.splat(sum);
  for (let i = 0; i < columns; i += 2) {
    put2(z + ((<usize>i) << 2), f64x2.div(v128.load(powers + ((<usize>i) << 3)), sums), columns - i);
  }
}

/** e^x to 1e-13, for x up to 708; 3e-308 for what is smaller than -708 */
// @ts-ignore: decorator
@inline
function exp(x: v128): v128 {
  const bounded = f64x2.max(f64x2.min(x, f64x2.splat(708)), f64x2.splat(-708));
  // x = n * ln 2 + r, where the larger part of ln 2 has so few digits that its product is exact.
  const n = f64x2.nearest(f64x2.mul(bounded, f64x2.splat(1.4426950408889634)));
  const r = f64x2.sub(f64x2.sub(bounded, f64x2.mul(n, f64x2.splat(0.6931471803691238))), f64x2.mul(n, f64x2.splat(1.9082149292705877e-10)));
  // Taylor's polynomial of degree 10, for |r| up to ln 2 / 2.
  let p = f64x2.add(f64x2.mul(r, f64x2.splat(1.0 / 3628800)), f64x2.splat(1.0 / 362880));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 40320));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 5040));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 720));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 120));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 24));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 6));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(0.5));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1));
  const exponents = i64x2.shl(i64x2.add(i64x2.extend_low_i32x4_s(i32x4.trunc_sat_f64x2_s_zero(n)), i64x2.splat(1023)), 52);
  return f64x2.mul(p, exponents);
}

// @ts-ignore: decorator
@inline
function get2(address: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load_zero<u64>(address));
}

/** 1, 0 or -1, and NaN for what is none */
// @ts-ignore: decorator
@inline
function sign2(d: v128): v128 {
  const one = f64x2.splat(1);
  const zero = f64x2.splat(0);
  const sign = f64x2.sub(v128.and(f64x2.gt(d, zero), one), v128.and(f64x2.lt(d, zero), one));
  return v128.bitselect(sign, d, f64x2.eq(d, d));
}

/** The first lane alone, and zero, where only that one is left. */
// @ts-ignore: decorator
@inline
function kept2(v: v128, rest: i32): v128 {
  return rest >= 2 ? v : f64x2.replace_lane(v, 1, 0);
}

/** sum + the lanes, one after the other; the first alone where only that one is left */
// @ts-ignore: decorator
@inline
function plusLanes(sum: f64, v: v128, rest: i32): f64 {
  sum += f64x2.extract_lane(v, 0);
  return rest >= 2 ? sum + f64x2.extract_lane(v, 1) : sum;
}

/** Stores both lanes as float32, or the first alone where only that one is left. */
// @ts-ignore: decorator
@inline
function put2(address: usize, v: v128, rest: i32): void {
  const narrow = f32x4.demote_f64x2_zero(v);
  if (rest >= 2) v128.store_lane<u64>(address, narrow, 0);
  else f32.store(address, f32x4.extract_lane(narrow, 0));
}
