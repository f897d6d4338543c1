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
