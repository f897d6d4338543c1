import type { Kernel } from './kernel.js';

const { fround, abs, sqrt, min, max } = Math;
const block = 4096;
const tiny = fround(1e-30);

/** The kernel in plain TypeScript, for arrays anywhere: the oracle that the SIMD one is compared with, bit for bit. */
export const twin: Kernel = {
  add(into, values) {
    forEachIndex(into, (i) => {
      into[i] = at(into, i) + at(values, i);
    });
    return twin.isFinite(into);
  },

  squaredNorm: (values) => sumInBlocks(values, (value) => value * value),

  roughSquaredNorm(values) {
    const lanes = [0, 0, 0, 0];
    const square = (i: number): number => fround((values[i] ?? 0) ** 2);
    const whole = values.length & ~15;
    for (let i = 0; i < whole; i += 16) {
      for (const lane of lanes.keys()) {
        const [a, b, c, d] = [square(i + lane), square(i + lane + 4), square(i + lane + 8), square(i + lane + 12)];
        lanes[lane] = (lanes[lane] ?? 0) + fround(fround(a + b) + fround(c + d));
      }
    }
    for (let i = whole; i < values.length; i++) lanes[i & 3] = (lanes[i & 3] ?? 0) + square(i);
    const [a = 0, b = 0, c = 0, d = 0] = lanes;
    return a + c + (b + d);
  },

  isFinite: (values) => values.every(Number.isFinite),

  absoluteSum: (values) => sumInBlocks(values, abs),

  average(gradient, weights, count, { l1, l2 }) {
    const [n, a, b] = [fround(count), fround(l1), fround(2 * l2)];
    forEachIndex(gradient, (i) => {
      const w = at(weights, i);
      const mean = fround(at(gradient, i) / n);
      gradient[i] = fround(mean + fround(a * sign(w))) + fround(b * w);
    });
  },

  clip(gradient, scale, limit) {
    const [s, l] = [fround(scale), fround(limit)];
    forEachIndex(gradient, (i) => {
      gradient[i] = min(max(fround(at(gradient, i) * s), -l), l);
    });
  },

  adam({ weights, next, gradient, m, v, nextM, nextV }, sum, rate, beta1, beta2, epsilon, decay) {
    const prepared = gradient.slice();
    if (sum.addend) twin.add(prepared, sum.addend);
    const means = prepared.map((value) => value / fround(sum.count));
    twin.average(prepared, weights, sum.count, sum.penalty);
    const [r, b1, b2, e, d] = [fround(rate), fround(1 - beta1), fround(1 - beta2), fround(epsilon), fround(decay)];
    forEachIndex(weights, (i) => {
      const [w, g, m0, v0] = [at(weights, i), at(prepared, i), at(m, i), at(v, i)];
      const m1 = flushed(m0 + fround(fround(g - m0) * b1));
      const v1 = flushed(v0 + fround(fround(fround(g * g) - v0) * b2));
      nextM[i] = m1;
      nextV[i] = v1;
      next[i] = fround(w - fround(w * d)) - fround(fround(m1 * r) / fround(fround(sqrt(v1)) + e));
    });
    return sumInBlocks(means, (value) => fround(value * value), fround);
  },

  sgd({ weights, next, gradient }, rate) {
    const r = fround(rate);
    forEachIndex(weights, (i) => {
      next[i] = at(weights, i) - fround(at(gradient, i) * r);
    });
  },

  momentum({ weights, next, gradient, m, nextM }, rate, momentum, nesterov) {
    const [r, b] = [fround(rate), fround(momentum)];
    forEachIndex(weights, (i) => {
      const descent = fround(at(gradient, i) * r);
      const m1 = flushed(fround(at(m, i) * b) - descent);
      nextM[i] = m1;
      next[i] = at(weights, i) + (nesterov ? fround(fround(m1 * b) - descent) : m1);
    });
  },

  rmsprop({ weights, next, gradient, m, v, nextM, nextV }, rate, rho, momentum, epsilon) {
    const [r, h, other, b, e] = [fround(rate), fround(rho), fround(1 - rho), fround(momentum), fround(epsilon)];
    forEachIndex(weights, (i) => {
      const g = at(gradient, i);
      const v1 = flushed(fround(h * at(v, i)) + fround(other * fround(g * g)));
      const m1 = flushed(fround(b * at(m, i)) + fround(fround(r * g) / fround(sqrt(fround(v1 + e)))));
      nextV[i] = v1;
      nextM[i] = m1;
      next[i] = at(weights, i) - m1;
    });
  },
};

function at(values: Float32Array, i: number): number {
  return values[i] ?? Number.NaN;
}

function forEachIndex(values: Float32Array, visit: (i: number) => void): void {
  for (let i = 0; i < values.length; i++) visit(i);
}

function flushed(value: number): number {
  const rounded = fround(value);
  return abs(rounded) >= tiny ? rounded : 0;
}

/**
 * Four partial sums a block, one a vector lane, added as the kernel adds its lanes.
 * @param round what becomes of a partial sum
 */
function sumInBlocks(values: Float32Array, term: (value: number) => number, round = (sum: number): number => sum): number {
  let total = 0;
  for (let start = 0; start < values.length; start += block) {
    const lanes = [0, 0, 0, 0];
    for (let i = start; i < min(start + block, values.length); i++) lanes[i & 3] = round((lanes[i & 3] ?? 0) + term(at(values, i)));
    const [a = 0, b = 0, c = 0, d = 0] = lanes;
    total += a + c + (b + d);
  }
  return total;
}

/** 0 for either zero, as comparing says. */
function sign(value: number): number {
  return (value > 0 ? 1 : 0) - (value < 0 ? 1 : 0);
}
