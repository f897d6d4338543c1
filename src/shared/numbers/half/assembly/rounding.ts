// float32 numbers that fit into 16 bits, in SIMD WebAssembly. AssemblyScript, compiled by `npm run build`.
// Addresses are in bytes. Works on whole vectors: up to seven values past the end are read and written.
// bf16 has float32's exponent and 8 digits; fp16 has 11 digits from 2^-14 to 65504, and fewer down to 2^-24 (IEEE 754).

/** values = values * scale, rounded to the nearest number (ties to even) that bf16 has; what is larger than all becomes the largest */
export function roundBf16(values: usize, length: i32, scale: f32): void {
  const scales = f32x4.splat(scale);
  const largest = i32x4.splat(0x7f7f0000);
  const one = i32x4.splat(1);
  const half = i32x4.splat(0x7fff);
  const kept = i32x4.splat(0xffff0000);
  for (let i = 0; i < length; i += 4, values += 16) {
    const v = clamped(f32x4.mul(v128.load(values), scales), largest);
    const odd = v128.and(i32x4.shr_u(v, 16), one);
    v128.store(values, numbersOr(v, v128.and(i32x4.add(v, i32x4.add(half, odd)), kept)));
  }
}

/** The same for fp16. */
export function roundFp16(values: usize, length: i32, scale: f32): void {
  const scales = f32x4.splat(scale);
  const largest = f32x4.splat(65504);
  const one = i32x4.splat(1);
  const half = i32x4.splat(0xfff);
  const kept = i32x4.splat(0xffffe000);
  // Numbers near 0.75 are 2^-24 apart, which is what the small ones are to be rounded to.
  const magic = f32x4.splat(0.75);
  for (let i = 0; i < length; i += 4, values += 16) {
    const v = clamped(f32x4.mul(v128.load(values), scales), largest);
    const odd = v128.and(i32x4.shr_u(v, 13), one);
    const normal = v128.and(i32x4.add(v, i32x4.add(half, odd)), kept);
    const small = f32x4.sub(f32x4.add(v, magic), magic);
    v128.store(values, numbersOr(v, v128.bitselect(small, normal, isSmall(v))));
  }
}

/** halves = values, which are rounded already */
export function packBf16(values: usize, halves: usize, length: i32): void {
  for (let i = 0; i < length; i += 8, values += 32, halves += 16) {
    v128.store(halves, i16x8.narrow_i32x4_u(i32x4.shr_u(v128.load(values), 16), i32x4.shr_u(v128.load(values + 16), 16)));
  }
}

export function packFp16(values: usize, halves: usize, length: i32): void {
  for (let i = 0; i < length; i += 8, values += 32, halves += 16) {
    v128.store(halves, i16x8.narrow_i32x4_u(packed(v128.load(values)), packed(v128.load(values + 16))));
  }
}

export function unpackBf16(halves: usize, values: usize, length: i32): void {
  for (let i = 0; i < length; i += 8, values += 32, halves += 16) {
    const h = v128.load(halves);
    v128.store(values, i32x4.shl(i32x4.extend_low_i16x8_u(h), 16));
    v128.store(values + 16, i32x4.shl(i32x4.extend_high_i16x8_u(h), 16));
  }
}

export function unpackFp16(halves: usize, values: usize, length: i32): void {
  for (let i = 0; i < length; i += 8, values += 32, halves += 16) {
    const h = v128.load(halves);
    v128.store(values, unpacked(i32x4.extend_low_i16x8_u(h)));
    v128.store(values + 16, unpacked(i32x4.extend_high_i16x8_u(h)));
  }
}

// @ts-ignore: decorator
@inline
function clamped(v: v128, largest: v128): v128 {
  return f32x4.max(f32x4.min(v, largest), f32x4.neg(largest));
}

/** NaN where v is no number */
// @ts-ignore: decorator
@inline
function numbersOr(v: v128, rounded: v128): v128 {
  return v128.bitselect(rounded, f32x4.splat(NaN), f32x4.eq(v, v));
}

/** |v| < 2^-14 */
// @ts-ignore: decorator
@inline
function isSmall(v: v128): v128 {
  return f32x4.lt(f32x4.abs(v), f32x4.splat(6.103515625e-5));
}

// @ts-ignore: decorator
@inline
function packed(v: v128): v128 {
  const sign = i32x4.shl(i32x4.shr_u(v, 31), 15);
  const magnitude = v128.and(v, i32x4.splat(0x7fffffff));
  // The exponents differ by 112.
  const normal = i32x4.sub(i32x4.shr_u(magnitude, 13), i32x4.splat(112 << 10));
  const small = i32x4.trunc_sat_f32x4_u(f32x4.mul(magnitude, f32x4.splat(16777216)));
  const number = v128.bitselect(small, normal, isSmall(v));
  return v128.or(sign, v128.bitselect(number, i32x4.splat(0x7e00), f32x4.eq(v, v)));
}

// @ts-ignore: decorator
@inline
function unpacked(h: v128): v128 {
  const sign = i32x4.shl(i32x4.shr_u(h, 15), 31);
  const magnitude = v128.and(h, i32x4.splat(0x7fff));
  const normal = i32x4.add(i32x4.shl(magnitude, 13), i32x4.splat(112 << 23));
  const small = f32x4.mul(f32x4.convert_i32x4_u(magnitude), f32x4.splat(1.0 / 16777216));
  const number = v128.bitselect(small, normal, i32x4.lt_u(magnitude, i32x4.splat(0x400)));
  const infinite = v128.bitselect(f32x4.splat(NaN), f32x4.splat(Infinity), i32x4.gt_u(magnitude, i32x4.splat(0x7c00)));
  return v128.or(sign, v128.bitselect(infinite, number, i32x4.ge_u(magnitude, i32x4.splat(0x7c00))));
}
