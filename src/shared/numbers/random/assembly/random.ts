// Threefry-2x32 (see ../threefry.ts), four counters at a time, in SIMD WebAssembly. AssemblyScript, compiled by `npm run build`.
// Addresses are in bytes. Arrays are padded, so that the last vectors may be written whole.

/** The words of counters (first, 0), (first + 1, 0), ...: two words a counter. Writes up to 6 words past the end. */
export function words(k0: u32, k1: u32, first: u32, counters: i32, out: usize): void {
  for (let i = 0; i < counters; i += 4, out += 32) {
    encrypt(k0, k1, i32x4.add(i32x4.splat(first + i), i32x4(0, 1, 2, 3)), i32x4.splat(0));
    v128.store(out, v128.shuffle<i32>(x0, x1, 0, 4, 1, 5));
    v128.store(out + 16, v128.shuffle<i32>(x0, x1, 2, 6, 3, 7));
  }
}

/**
 * For each sample and unit: 0 where the word is below the threshold, else `kept`. A sample's words are those of the
 * counters (sample, 0), (sample, 1), ... Writes up to 8 values past the end.
 */
export function mask(k0: u32, k1: u32, samples: usize, count: i32, units: i32, threshold: u32, kept: f32, out: usize): void {
  const thresholds = i32x4.splat(threshold);
  const values = f32x4.splat(kept);
  for (let n = 0; n < count; n++, samples += 4, out += (<usize>units) << 2) {
    const sample = i32x4.splat(load<u32>(samples));
    let at = out;
    for (let unit = 0; unit < units; unit += 8, at += 32) {
      encrypt(k0, k1, sample, i32x4.add(i32x4.splat(unit >> 1), i32x4(0, 1, 2, 3)));
      const low = v128.shuffle<i32>(x0, x1, 0, 4, 1, 5);
      const high = v128.shuffle<i32>(x0, x1, 2, 6, 3, 7);
      v128.store(at, v128.and(values, i32x4.ge_u(low, thresholds)));
      v128.store(at + 16, v128.and(values, i32x4.ge_u(high, thresholds)));
    }
  }
}

/** What `encrypt` gives. */
let x0: v128 = i32x4.splat(0);
let x1: v128 = i32x4.splat(0);

// @ts-ignore: decorator
@inline
function encrypt(k0: u32, k1: u32, c0: v128, c1: v128): void {
  const k2 = k0 ^ k1 ^ 0x1bd11bda;
  let a = i32x4.add(c0, i32x4.splat(k0));
  let b = i32x4.add(c1, i32x4.splat(k1));
  a = i32x4.add(a, b); b = v128.xor(rotated(b, 13), a);
  a = i32x4.add(a, b); b = v128.xor(rotated(b, 15), a);
  a = i32x4.add(a, b); b = v128.xor(rotated(b, 26), a);
  a = i32x4.add(a, b); b = v128.xor(rotated(b, 6), a);
  a = i32x4.add(a, i32x4.splat(k1)); b = i32x4.add(b, i32x4.splat(k2 + 1));
  a = i32x4.add(a, b); b = v128.xor(rotated(b, 17), a);
  a = i32x4.add(a, b); b = v128.xor(rotated(b, 29), a);
  a = i32x4.add(a, b); b = v128.xor(rotated(b, 16), a);
  a = i32x4.add(a, b); b = v128.xor(rotated(b, 24), a);
  a = i32x4.add(a, i32x4.splat(k2)); b = i32x4.add(b, i32x4.splat(k0 + 2));
  a = i32x4.add(a, b); b = v128.xor(rotated(b, 13), a);
  a = i32x4.add(a, b); b = v128.xor(rotated(b, 15), a);
  a = i32x4.add(a, b); b = v128.xor(rotated(b, 26), a);
  a = i32x4.add(a, b); b = v128.xor(rotated(b, 6), a);
  a = i32x4.add(a, i32x4.splat(k0)); b = i32x4.add(b, i32x4.splat(k1 + 3));
  a = i32x4.add(a, b); b = v128.xor(rotated(b, 17), a);
  a = i32x4.add(a, b); b = v128.xor(rotated(b, 29), a);
  a = i32x4.add(a, b); b = v128.xor(rotated(b, 16), a);
  a = i32x4.add(a, b); b = v128.xor(rotated(b, 24), a);
  a = i32x4.add(a, i32x4.splat(k1)); b = i32x4.add(b, i32x4.splat(k2 + 4));
  a = i32x4.add(a, b); b = v128.xor(rotated(b, 13), a);
  a = i32x4.add(a, b); b = v128.xor(rotated(b, 15), a);
  a = i32x4.add(a, b); b = v128.xor(rotated(b, 26), a);
  a = i32x4.add(a, b); b = v128.xor(rotated(b, 6), a);
  x0 = i32x4.add(a, i32x4.splat(k2));
  x1 = i32x4.add(b, i32x4.splat(k0 + 5));
}

// @ts-ignore: decorator
@inline
function rotated(x: v128, by: i32): v128 {
  return v128.or(i32x4.shl(x, by), i32x4.shr_u(x, 32 - by));
}
