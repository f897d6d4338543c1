import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readModelAt } from '../formats/openModel.js';
import type { MomentState, TrainableModel } from '../formats/savedModel.js';
import { decodeCheckpoint } from '../runFolder/checkpoint.js';
import { checkpointNames } from '../runFolder/checkpointFiles.js';
import { readRunConfig } from '../runFolder/runConfig.js';
import { parseConfig } from '../shared/config/parseConfig.js';

/**
 * A run's model with all that others need to train it further; or a model file's, whose optimizer is not known.
 * @param path as `readModelAt`
 * @throws UsageError, DataError, ConfigError naming the file that cannot be read
 */
export async function trainableModel(path: string, wanted: 'best' | 'final' | undefined): Promise<TrainableModel> {
  const { model } = await readModelAt(path, wanted);
  const config = readRunConfig(path);
  const { optimizer } = config ?? parseConfig({}, 'defaults', { cores: 1 });
  return {
    ...model,
    optimizer,
    state: momentsAt(join(path, 'checkpoints'), model.weights),
  };
}

/** The moments that go with some weights, where a checkpoint has been kept that was written at just these. */
function momentsAt(folder: string, weights: Float32Array): MomentState | undefined {
  for (const name of checkpointNames(folder)) {
    try {
      const { optimizer } = decodeCheckpoint(readFileSync(join(folder, name)), name);
      const { weights: there, ...moments } = optimizer;
      if (there.length === weights.length && there.every((value, i) => Object.is(value, weights[i]))) return moments;
    } catch {
      // A damaged one is told of where a run goes on.
    }
  }
  return undefined;
}
