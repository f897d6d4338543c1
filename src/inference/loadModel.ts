import { basename } from 'node:path';
import { preparationOf } from '../data/normalize.js';
import { readModelAt } from '../formats/openModel.js';
import { readRunConfig } from '../runFolder/runConfig.js';
import type { Device } from '../shared/engine/device.js';
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
  /** Hears what a person should know of the model. */
  readonly say?: ((line: string) => void) | undefined;
}

/**
 * Loads a trained model.
 * @param path as `readModelAt`
 * @throws UsageError if it is neither, DataError or ConfigError naming the file that cannot be read
 */
export async function loadModel(path: string, options: LoadOptions = {}): Promise<Model> {
  const { place: folder, model } = await readModelAt(path, options.weights);
  const config = readRunConfig(path);
  if (config && options.weights === undefined && basename(folder) === 'final')
    options.say?.(`${path}: has kept no best model: its final weights are taken`);
  const { spec, weights, metadata } = model;
  const trained = {
    folder,
    spec,
    weights,
    config,
    loss: config?.loss ?? metadata.loss,
    metrics: config?.metrics ?? metadata.metrics ?? [],
    preparation: metadata.normalize ?? (config && preparationOf(config.data)),
    classes: metadata.classes,
    schema: metadata.schema,
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
