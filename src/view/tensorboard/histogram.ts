/** A histogram as TensorFlow's HistogramProto holds it. */
export interface Histogram {
  readonly min: number;
  readonly max: number;
  readonly num: number;
  readonly sum: number;
  readonly sumSquares: number;
  /** Upper ends of the buckets. */
  readonly bucketLimit: readonly number[];
  readonly bucket: readonly number[];
}

const buckets = 30;

/** Counts finite values in 30 buckets of one width between the least and the largest; undefined where there is none. */
export function histogramOf(values: Float32Array): Histogram | undefined {
  let [min, max, num, sum, sumSquares] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? Number.NaN;
    if (!Number.isFinite(value)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
    num++;
    sum += value;
    sumSquares += value * value;
  }
  if (num === 0) return undefined;
  // Of values that are all alike a bucket around them.
  const width = (max - min) / buckets || Math.max(Math.abs(max), 1) / buckets;
  const bucket = new Array<number>(buckets).fill(0);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? Number.NaN;
    if (!Number.isFinite(value)) continue;
    const at = Math.min(buckets - 1, Math.floor((value - min) / width));
    bucket[at] = (bucket[at] ?? 0) + 1;
  }
  const bucketLimit = bucket.map((_, i) => min + width * (i + 1));
  return { min, max, num, sum, sumSquares, bucketLimit, bucket };
}
