import type { UnitSums } from '../../shared/protocol/protocol.js';

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
export function watchNoise(state: NoiseState, shards: readonly Pick<UnitSums, 'count' | 'squaredNorm'>[], squaredNorm: number): NoiseState {
  const { length } = shards;
  if (length < 2) return state;
  let [samples, ofShards, perShard] = [0, 0, 0];
  for (const shard of shards) {
    samples += shard.count;
    ofShards += shard.squaredNorm / (shard.count * shard.count) / length;
    perShard += 1 / shard.count / length;
  }
  const perBatch = 1 / samples;
  const noise = (ofShards - squaredNorm) / (perShard - perBatch);
  const signal = squaredNorm - noise * perBatch;
  if (!Number.isFinite(noise) || !Number.isFinite(signal)) return state;
  return {
    signal: memory * state.signal + (1 - memory) * signal,
    noise: memory * state.noise + (1 - memory) * noise,
  };
}

/**
 * The noise scale tr(S) / |G|^2 in samples: about the batch at which twice the samples a step no longer save nearly half
 * of the steps. Null while there is no estimate, or none of |G|^2 that is above zero.
 */
export function noiseScaleOf({ signal, noise }: NoiseState): number | null {
  // Hundredths of a sample are more than anybody can tell apart.
  return signal > 0 && noise > 0 ? Math.round((noise / signal) * 100) / 100 : null;
}
