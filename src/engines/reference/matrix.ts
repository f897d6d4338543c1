/*
 * Products of row-major float64 matrices. The innermost loop always runs along rows, so that memory is read in order.
 */

/** out[n, m] += a[n, k] . b[k, m] */
export function addProduct(out: Float64Array, a: Float64Array, b: Float64Array, n: number, k: number, m: number): void {
  for (let row = 0; row < n; row++) {
    for (let inner = 0; inner < k; inner++) addScaledRow(out, row * m, b, inner * m, m, a[row * k + inner] ?? 0);
  }
}

/** out[k, m] += transpose(a[n, k]) . b[n, m] */
export function addProductTransposedA(out: Float64Array, a: Float64Array, b: Float64Array, n: number, k: number, m: number): void {
  for (let inner = 0; inner < n; inner++) {
    for (let row = 0; row < k; row++) addScaledRow(out, row * m, b, inner * m, m, a[inner * k + row] ?? 0);
  }
}

/** out[n, k] += a[n, m] . transpose(b[k, m]) */
export function addProductTransposedB(out: Float64Array, a: Float64Array, b: Float64Array, n: number, k: number, m: number): void {
  for (let row = 0; row < n; row++) {
    for (let column = 0; column < k; column++) {
      let sum = 0;
      for (let inner = 0; inner < m; inner++) sum += (a[row * m + inner] ?? 0) * (b[column * m + inner] ?? 0);
      out[row * k + column] = (out[row * k + column] ?? 0) + sum;
    }
  }
}

/** out[m] += the sum of the rows of a[n, m] */
export function addRows(out: Float64Array, a: Float64Array, n: number, m: number): void {
  for (let row = 0; row < n; row++) addScaledRow(out, 0, a, row * m, m, 1);
}

/** out[n, m] += row[m] on every row */
export function addToRows(out: Float64Array, row: Float64Array, n: number, m: number): void {
  for (let at = 0; at < n; at++) addScaledRow(out, at * m, row, 0, m, 1);
}

function addScaledRow(out: Float64Array, outAt: number, row: Float64Array, rowAt: number, width: number, scale: number): void {
  for (let j = 0; j < width; j++) out[outAt + j] = (out[outAt + j] ?? 0) + scale * (row[rowAt + j] ?? 0);
}
