import type { PartSums } from '../shared/protocol.js';

/**
 * Running averages of the two parts of the gradient noise scale, apart (McCandlish et al. 2018, "An Empirical Model of
 * Large-Batch Training", appendix A.1). Plain data, zero before the first step.
 */
export interface NoiseState {
  /** Of |G|^2, the squared norm of the gradient of all data. */
  readonly signal: number;
  /** Of tr(S), the trace of the covariance of a sample's gradient. */
  readonly noise: number;
}

export const initialNoise: NoiseState = { signal: 0, noise: 0 };

/** How much of an average stays with each step: it goes over about the last hundred. */
const memory = 0.99;

/**
 * Takes a step in. A mean over n samples has the expected squared norm |G|^2 + tr(S) / n: the shards' and the whole
 * batch's give both, without bias.
 * @param shards sums of those that are not empty; with fewer than two nothing can be told
 * @param squaredNorm of the batch's mean gradient, without penalties
 */
export function watchNoise(state: NoiseState, shards: readonly Pick<PartSums, 'count' | 'squaredNorm'>[], squaredNorm: number): NoiseState {
  if (shards.length < 2) return state;
  const mean = (of: (shard: Pick<PartSums, 'count' | 'squaredNorm'>) => number): number =>
    shards.reduce((sum, shard) => sum + of(shard), 0) / shards.length;
  const ofShards = mean((shard) => shard.squaredNorm / shard.count ** 2);
  const perShard = mean(({ count }) => 1 / count);
  const perBatch = 1 / shards.reduce((sum, { count }) => sum + count, 0);
  const noise = (ofShards - squaredNorm) / (perShard - perBatch);
  const signal = squaredNorm - noise * perBatch;
  if (!Number.isFinite(noise) || !Number.isFinite(signal)) return state;
  const into = (average: number, value: number): number => memory * average + (1 - memory) * value;
  return { signal: into(state.signal, signal), noise: into(state.noise, noise) };
}

/**
 * The noise scale tr(S) / |G|^2 in samples: about the batch at which twice the samples a step no longer save nearly half
 * of the steps. Null while there is no estimate, or none of |G|^2 that is above zero.
 */
export function noiseScaleOf({ signal, noise }: NoiseState): number | null {
  return signal > 0 && noise > 0 ? noise / signal : null;
}
