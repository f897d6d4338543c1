import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { divisorOf } from '../data/normalize.js';
import { readModel } from '../formats/tfjs/layersModel.js';
import { readRunConfig } from '../shared/config/runConfig.js';
import type { Device } from '../shared/device.js';
import { UsageError } from '../shared/errors.js';
import { Model } from './model.js';

export interface LoadOptions {
  /** Name of the engine; default: the run's, or `auto`. */
  readonly engine?: string | undefined;
  /** Threads of the engine; default: the run's, or 1. */
  readonly threads?: number | undefined;
  /** What it computes on; default: the run's, or `auto`. */
  readonly device?: Device | undefined;
  /** Which of a run's models; default: the best, or the final one where no best was kept. */
  readonly weights?: 'best' | 'final' | undefined;
}

/**
 * Loads a trained model.
 * @param path a run's folder (with best/ or final/ in it), or a model's (with model.json in it)
 * @throws UsageError if it is neither, DataError or ConfigError naming the file that cannot be read
 */
export async function loadModel(path: string, options: LoadOptions = {}): Promise<Model> {
  const folder = modelFolder(path, options.weights);
  const config = readRunConfig(path);
  const { spec, weights, metadata } = await readModel(folder);
  const trained = {
    folder,
    spec,
    weights,
    config,
    loss: config?.loss ?? metadata.loss,
    metrics: config?.metrics ?? metadata.metrics ?? [],
    divide: config ? divisorOf(config.data) : metadata.normalize?.divide,
  };
  // What the run has found best, and not where one is asked for that may not have the other.
  const isOpen = options.engine === undefined && options.device === undefined;
  const used = isOpen ? config?.resolved : undefined;
  return Model.open(trained, {
    engine: options.engine ?? used?.engine ?? config?.engine ?? 'auto',
    threads: options.threads ?? config?.threads ?? 1,
    device: options.device ?? used?.device ?? config?.device ?? 'auto',
    precision: (isOpen && config?.precision) || 'fp32',
  });
}

function modelFolder(path: string, wanted: 'best' | 'final' | undefined): string {
  if (!existsSync(path)) throw new UsageError(`${path}: no such folder`);
  if (existsSync(join(path, 'model.json'))) {
    if (wanted) throw new UsageError(`${path}: is the folder of one model: ${wanted} can be asked for only of a run`);
    return path;
  }
  const names = wanted ? [wanted] : ['best', 'final'];
  // Weights come last: where they are, the model is whole.
  const found = names.map((name) => join(path, name)).find((folder) => existsSync(join(folder, 'weights.bin')));
  if (found !== undefined) return found;
  const isRun = existsSync(join(path, 'config.yaml'));
  const what = isRun ? 'the run has no such model yet' : 'is the folder of neither a run nor a model';
  throw new UsageError(
    `${path}: ${what}: expected ${names.map((name) => `${name}/weights.bin`).join(' or ')}${isRun ? '' : ', or model.json,'} in it`,
  );
}
