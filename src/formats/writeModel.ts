import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { version } from '../shared/system/version.js';
import { withKerasNames } from './keras/layerNames.js';
import type { TrainableModel } from './savedModel.js';
import { layersModelJson, writeModel } from './tfjs/layersModel.js';

/** The formats that models are exported to, and what an exported file or folder is called by default. */
export const exportFormats = {
  'keras-h5': 'model.h5',
  keras: 'model.keras',
  tfjs: 'tfjs',
  onnx: 'model.onnx',
} as const;

export type ExportFormat = keyof typeof exportFormats;

export function isExportFormat(name: string): name is ExportFormat {
  return Object.hasOwn(exportFormats, name);
}

/**
 * Writes a model for others to load.
 * @param path a file; with tfjs, a folder
 * @throws the system's error
 */
export async function writeModelAs(format: ExportFormat, path: string, model: TrainableModel): Promise<void> {
  switch (format) {
    case 'keras-h5':
      return (await import('./keras/h5.js')).writeKerasH5(path, model);
    case 'keras':
      return (await import('./keras/archive.js')).writeKerasArchive(path, model);
    case 'onnx':
      return (await import('./onnx/writeOnnx.js')).writeOnnx(path, model);
    case 'tfjs':
      // Of a model that is there already nothing stays.
      for (const name of ['weights.bin', 'model.json']) await rm(join(path, name), { force: true });
      return writeModel(path, layersModelJson(withKerasNames(model.spec), version, model.metadata), model.weights);
  }
}
