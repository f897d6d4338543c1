// The passes over a whole gradient, in SIMD WebAssembly. AssemblyScript, compiled by `npm run build`.
// `../twin.ts` says the same in plain TypeScript and is what the tests compare this with, bit for bit.
// Addresses are in bytes and come first, lengths in float32 values. Arrays are padded, so that the last vector may be read whole.

/** Norms are added up in blocks of this many values, in float64, so that the order never depends on lanes or threads. */
const block: i32 = 4096;

/** Moments below this are set to zero: denormals would make every later step nine times as slow. */
const tiny: f32 = 1e-30;

/** into += values; whether every sum is a finite number */
export function add(into: usize, values: usize, length: i32): bool {
  // x - x is 0 where x is finite, and NaN where not.
  let differences = f32x4.splat(0);
  const end = into + ((<usize>(length & ~3)) << 2);
  for (; into < end; into += 16, values += 16) {
    const sum = f32x4.add(v128.load(into), v128.load(values));
    v128.store(into, sum);
    differences = v128.or(differences, f32x4.sub(sum, sum));
  }
  const rest = length & 3;
  if (rest > 0) {
    const sum = kept(f32x4.add(v128.load(into), v128.load(values)), rest);
    put(into, sum, rest);
    differences = v128.or(differences, f32x4.sub(sum, sum));
  }
  return !v128.any_true(differences);
}

/** sum of squares */
export function squaredNorm(values: usize, length: i32): f64 {
  let total: f64 = 0;
  let start = 0;
  // Four blocks at a time: one addition waits for the other within a block, and the sums stay those of the blocks.
  const stride = (<usize>block) << 2;
  for (; start <= length - 4 * block; start += 4 * block) {
    let low0 = f64x2.splat(0);
    let high0 = f64x2.splat(0);
    let low1 = f64x2.splat(0);
    let high1 = f64x2.splat(0);
    let low2 = f64x2.splat(0);
    let high2 = f64x2.splat(0);
    let low3 = f64x2.splat(0);
    let high3 = f64x2.splat(0);
    let at = values + ((<usize>start) << 2);
    const end = at + stride;
    for (; at < end; at += 16) {
      const v0 = v128.load(at);
      const v1 = v128.load(at + stride);
      const v2 = v128.load(at + 2 * stride);
      const v3 = v128.load(at + 3 * stride);
      low0 = plusSquares(low0, v0);
      high0 = plusSquares(high0, upperHalf(v0));
      low1 = plusSquares(low1, v1);
      high1 = plusSquares(high1, upperHalf(v1));
      low2 = plusSquares(low2, v2);
      high2 = plusSquares(high2, upperHalf(v2));
      low3 = plusSquares(low3, v3);
      high3 = plusSquares(high3, upperHalf(v3));
    }
    total += sumOf(low0, high0);
    total += sumOf(low1, high1);
    total += sumOf(low2, high2);
    total += sumOf(low3, high3);
  }
  for (; start < length; start += block) {
    const end = min(start + block, length);
    let low = f64x2.splat(0);
    let high = f64x2.splat(0);
    for (let i = start; i < end; i += 4) {
      const v = kept(v128.load(values + ((<usize>i) << 2)), end - i);
      low = plusSquares(low, v);
      high = plusSquares(high, upperHalf(v));
    }
    total += sumOf(low, high);
  }
  return total;
}

/**
 * sum of squares to seven digits, in a third of the time: squares and sums of four of them are float32, and so infinite
 * above 1e19
 */
export function roughSquaredNorm(values: usize, length: i32): f64 {
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  let i = 0;
  for (; i <= length - 16; i += 16, values += 64) {
    const four = f32x4.add(
      f32x4.add(squares(v128.load(values)), squares(v128.load(values + 16))),
      f32x4.add(squares(v128.load(values + 32)), squares(v128.load(values + 48))),
    );
    low = f64x2.add(low, f64x2.promote_low_f32x4(four));
    high = f64x2.add(high, f64x2.promote_low_f32x4(upperHalf(four)));
  }
  for (; i < length; i += 4, values += 16) {
    const last = squares(kept(v128.load(values), length - i));
    low = f64x2.add(low, f64x2.promote_low_f32x4(last));
    high = f64x2.add(high, f64x2.promote_low_f32x4(upperHalf(last)));
  }
  return sumOf(low, high);
}

/** whether every value is a finite number */
export function isFinite(values: usize, length: i32): bool {
  // x - x is 0 where x is finite, and NaN where not.
  let differences = f32x4.splat(0);
  let i = 0;
  for (; i <= length - 4; i += 4) {
    const v = v128.load(values + ((<usize>i) << 2));
    differences = v128.or(differences, f32x4.sub(v, v));
  }
  if (i < length) {
    const v = kept(v128.load(values + ((<usize>i) << 2)), length - i);
    differences = v128.or(differences, f32x4.sub(v, v));
  }
  return !v128.any_true(differences);
}

/** sum of absolute values */
export function absoluteSum(values: usize, length: i32): f64 {
  let total: f64 = 0;
  for (let start = 0; start < length; start += block) {
    const end = min(start + block, length);
    let low = f64x2.splat(0);
    let high = f64x2.splat(0);
    for (let i = start; i < end; i += 4) {
      const v = f32x4.abs(kept(v128.load(values + ((<usize>i) << 2)), end - i));
      low = f64x2.add(low, f64x2.promote_low_f32x4(v));
      high = f64x2.add(high, f64x2.promote_low_f32x4(upperHalf(v)));
    }
    total += sumOf(low, high);
  }
  return total;
}

/** gradient = gradient / count + l1 * sign(w) + 2 * l2 * w */
export function average(gradient: usize, weights: usize, length: i32, count: f32, l1: f32, twiceL2: f32): void {
  const counts = f32x4.splat(count);
  const l1s = f32x4.splat(l1);
  const l2s = f32x4.splat(twiceL2);
  for (let i = 0; i < length; i += 4) {
    const at = (<usize>i) << 2;
    const w = v128.load(weights + at);
    const mean = f32x4.div(v128.load(gradient + at), counts);
    put(gradient + at, f32x4.add(f32x4.add(mean, f32x4.mul(l1s, sign(w))), f32x4.mul(l2s, w)), length - i);
  }
}

/** gradient = clamp(gradient * scale, -limit, limit) */
export function clip(gradient: usize, length: i32, scale: f32, limit: f32): void {
  const scales = f32x4.splat(scale);
  const upper = f32x4.splat(limit);
  const lower = f32x4.splat(-limit);
  for (let i = 0; i < length; i += 4) {
    const at = (<usize>i) << 2;
    const scaled = f32x4.mul(v128.load(gradient + at), scales);
    put(gradient + at, f32x4.min(f32x4.max(scaled, lower), upper), length - i);
  }
}

/**
 * Adam, and AdamW with decay = learning rate * weight decay. `rate` already holds the bias corrections. Takes the sum of
 * the gradient over `count` samples, to which `addend` is still to be added (0: nothing), and adds the penalty's, as
 * `average` does. Of the averaged gradient before that, the sum of squares of each block goes to `norms`: float64, one
 * for every block of the array of weights that begins at `origin`.
 */
export function adam(
  weights: usize,
  next: usize,
  gradient: usize,
  addend: usize,
  m: usize,
  v: usize,
  nextM: usize,
  nextV: usize,
  length: i32,
  rate: f32,
  oneMinusBeta1: f32,
  oneMinusBeta2: f32,
  epsilon: f32,
  decay: f32,
  count: f32,
  l1: f32,
  twiceL2: f32,
  norms: usize,
  origin: usize,
): void {
  const rates = f32x4.splat(rate);
  const b1 = f32x4.splat(oneMinusBeta1);
  const b2 = f32x4.splat(oneMinusBeta2);
  const epsilons = f32x4.splat(epsilon);
  const decays = f32x4.splat(decay);
  const isPenalised = l1 !== 0 || twiceL2 !== 0;
  // Dividing by a power of two is multiplying by another, to the bit, and takes a fifth of the time.
  const isPowerOfTwo = (reinterpret<u32>(count) & 0x7fffff) === 0;
  const counts = f32x4.splat(isPowerOfTwo ? 1 / count : count);
  let norm = norms + ((weights - origin) / (block << 2)) * 8;
  for (let start = 0; start < length; start += block, norm += 8) {
    let sums = f32x4.splat(0);
    for (let i = start, end = min(start + block, length); i < end; i += 4) {
      const at = (<usize>i) << 2;
      const w = v128.load(weights + at);
      let g = v128.load(gradient + at);
      if (addend !== 0) g = f32x4.add(g, v128.load(addend + at));
      if (isPowerOfTwo) g = f32x4.mul(g, counts);
      else g = f32x4.div(g, counts);
      sums = f32x4.add(sums, squares(kept(g, length - i)));
      if (isPenalised) g = penalised(g, w, l1, twiceL2);
      const m0 = v128.load(m + at);
      const v0 = v128.load(v + at);
      const m1 = flushed(f32x4.add(m0, f32x4.mul(f32x4.sub(g, m0), b1)));
      const v1 = flushed(f32x4.add(v0, f32x4.mul(f32x4.sub(f32x4.mul(g, g), v0), b2)));
      const change = f32x4.div(f32x4.mul(m1, rates), f32x4.add(f32x4.sqrt(v1), epsilons));
      put(nextM + at, m1, length - i);
      put(nextV + at, v1, length - i);
      put(next + at, f32x4.sub(f32x4.sub(w, f32x4.mul(w, decays)), change), length - i);
    }
    f64.store(norm, sumOf(f64x2.promote_low_f32x4(sums), f64x2.promote_low_f32x4(upperHalf(sums))));
  }
}

/** next = w - rate * gradient */
export function sgd(weights: usize, next: usize, gradient: usize, length: i32, rate: f32): void {
  const rates = f32x4.splat(rate);
  for (let i = 0; i < length; i += 4) {
    const at = (<usize>i) << 2;
    put(next + at, f32x4.sub(v128.load(weights + at), f32x4.mul(v128.load(gradient + at), rates)), length - i);
  }
}

/** m = momentum * m - rate * gradient; next = w + m, or with Nesterov w + momentum * m - rate * gradient */
export function momentum(
  weights: usize,
  next: usize,
  gradient: usize,
  m: usize,
  nextM: usize,
  length: i32,
  rate: f32,
  beta: f32,
  nesterov: bool,
): void {
  const rates = f32x4.splat(rate);
  const betas = f32x4.splat(beta);
  for (let i = 0; i < length; i += 4) {
    const at = (<usize>i) << 2;
    const w = v128.load(weights + at);
    const descent = f32x4.mul(v128.load(gradient + at), rates);
    const m1 = flushed(f32x4.sub(f32x4.mul(v128.load(m + at), betas), descent));
    const change = nesterov ? f32x4.sub(f32x4.mul(m1, betas), descent) : m1;
    put(nextM + at, m1, length - i);
    put(next + at, f32x4.add(w, change), length - i);
  }
}

/** v = rho * v + (1 - rho) * g^2; m = momentum * m + rate * g / sqrt(v + epsilon); next = w - m */
export function rmsprop(
  weights: usize,
  next: usize,
  gradient: usize,
  m: usize,
  v: usize,
  nextM: usize,
  nextV: usize,
  length: i32,
  rate: f32,
  rho: f32,
  oneMinusRho: f32,
  beta: f32,
  epsilon: f32,
): void {
  const rates = f32x4.splat(rate);
  const rhos = f32x4.splat(rho);
  const others = f32x4.splat(oneMinusRho);
  const betas = f32x4.splat(beta);
  const epsilons = f32x4.splat(epsilon);
  for (let i = 0; i < length; i += 4) {
    const at = (<usize>i) << 2;
    const g = v128.load(gradient + at);
    const w = v128.load(weights + at);
    const v1 = flushed(f32x4.add(f32x4.mul(rhos, v128.load(v + at)), f32x4.mul(others, f32x4.mul(g, g))));
    const change = f32x4.div(f32x4.mul(rates, g), f32x4.sqrt(f32x4.add(v1, epsilons)));
    const m1 = flushed(f32x4.add(f32x4.mul(betas, v128.load(m + at)), change));
    put(nextV + at, v1, length - i);
    put(nextM + at, m1, length - i);
    put(next + at, f32x4.sub(w, m1), length - i);
  }
}

// @ts-ignore: decorator
@inline
function flushed(x: v128): v128 {
  return v128.and(x, f32x4.ge(f32x4.abs(x), f32x4.splat(tiny)));
}

/** g + l1 * sign(w) + 2 * l2 * w */
// @ts-ignore: decorator
@inline
function penalised(g: v128, w: v128, l1: f32, twiceL2: f32): v128 {
  return f32x4.add(f32x4.add(g, f32x4.mul(f32x4.splat(l1), sign(w))), f32x4.mul(f32x4.splat(twiceL2), w));
}

// @ts-ignore: decorator
@inline
function sign(x: v128): v128 {
  const one = f32x4.splat(1);
  const zero = f32x4.splat(0);
  return f32x4.sub(v128.and(f32x4.gt(x, zero), one), v128.and(f32x4.lt(x, zero), one));
}

// @ts-ignore: decorator
@inline
function squares(v: v128): v128 {
  return f32x4.mul(v, v);
}

/** sum + the squares of the two lower lanes */
// @ts-ignore: decorator
@inline
function plusSquares(sum: v128, v: v128): v128 {
  const a = f64x2.promote_low_f32x4(v);
  return f64x2.add(sum, f64x2.mul(a, a));
}

// @ts-ignore: decorator
@inline
function upperHalf(v: v128): v128 {
  return v128.shuffle<f32>(v, v, 2, 3, 2, 3);
}

/** (lane 0 + lane 2) + (lane 1 + lane 3) */
// @ts-ignore: decorator
@inline
function sumOf(low: v128, high: v128): f64 {
  const pairs = f64x2.add(low, high);
  return f64x2.extract_lane(pairs, 0) + f64x2.extract_lane(pairs, 1);
}

/** The first `rest` lanes of a vector, the others zero. */
// @ts-ignore: decorator
@inline
function kept(v: v128, rest: i32): v128 {
  return rest >= 4 ? v : v128.and(v, i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(rest)));
}

/** Stores the first `rest` lanes of a vector: the values behind an array's end belong to another. */
// @ts-ignore: decorator
@inline
function put(address: usize, v: v128, rest: i32): void {
  if (rest >= 4) {
    v128.store(address, v);
    return;
  }
  f32.store(address, f32x4.extract_lane(v, 0));
  if (rest > 1) f32.store(address + 4, f32x4.extract_lane(v, 1));
  if (rest > 2) f32.store(address + 8, f32x4.extract_lane(v, 2));
}
