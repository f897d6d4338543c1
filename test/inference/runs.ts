import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelMetadata } from '../../src/formats/metadata.js';
import { layersModelJson, writeModel } from '../../src/formats/tfjs/layersModel.js';
import { parseConfig } from '../../src/shared/config/parseConfig.js';
import { configYaml } from '../../src/shared/config/plainConfig.js';
import type { ModelSpec } from '../../src/shared/model/spec.js';
import { npyBytes } from '../fixtures/arrays.js';

export function floats(shape: readonly number[], values: readonly number[]): Buffer {
  return npyBytes('<f4', shape, Float32Array.from(values));
}

export function integers(values: readonly number[]): Buffer {
  return npyBytes('<i4', [values.length], Int32Array.from(values));
}

/** Writes the config.yaml of a run whose data are x.npy and y.npy in its folder, and answers the model's spec. */
export function writeRun(folder: string, config: { model: unknown; data?: object; [key: string]: unknown }): ModelSpec {
  mkdirSync(folder, { recursive: true });
  const data = { x: join(folder, 'x.npy'), y: join(folder, 'y.npy'), ...config.data };
  const parsed = parseConfig({ engine: 'reference', validationSplit: 0, batchSize: 4, ...config, data }, 'test', { cores: 1 });
  writeFileSync(join(folder, 'config.yaml'), configYaml(parsed));
  return parsed.model;
}

export function writeWeights(folder: string, spec: ModelSpec, weights: readonly number[], metadata: ModelMetadata = {}): Promise<void> {
  return writeModel(folder, layersModelJson(spec, '1', metadata), Float32Array.from(weights));
}
