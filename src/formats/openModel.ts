import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { firstBytes } from '../shared/files/readFile.js';
import { gotWebPage, isWebPage } from '../shared/files/webPage.js';
import { DataError, UsageError } from '../shared/text/errors.js';
import type { SavedModel } from './savedModel.js';

/** A model and where it was found. */
export interface FoundModel {
  /** The folder that its model.json is in, or its file. */
  readonly place: string;
  readonly model: SavedModel;
}

/**
 * Reads a model.
 * @param path a run's folder (with best/ or final/ in it), a tfjs model's (with model.json in it) or its model.json, or a
 *   file: Keras .h5 or .keras, or ONNX. Which of them is told from its bytes, not its name.
 * @param wanted which of a run's models; default: the best, or the final one where no best was kept
 * @throws UsageError if there is no model, DataError naming the file, and what in it cannot be read
 */
export async function readModelAt(path: string, wanted?: 'best' | 'final'): Promise<FoundModel> {
  if (!existsSync(path)) throw new UsageError(`${path}: no such folder or file`);
  const isFolder = statSync(path).isDirectory();
  if (wanted && (!isFolder || existsSync(join(path, 'model.json')))) {
    throw new UsageError(`${path}: is one model: ${wanted} can be asked for only of a run`);
  }
  if (!isFolder) return { place: path, model: await readFile(path) };
  const { readModel } = await import('./tfjs/layersModel.js');
  const place = modelFolder(path, wanted);
  return { place, model: await readModel(place) };
}

function modelFolder(path: string, wanted: 'best' | 'final' | undefined): string {
  if (existsSync(join(path, 'model.json'))) return path;
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

/** Only the reader that is needed is loaded. */
async function readFile(path: string): Promise<SavedModel> {
  const bytes = firstBytes(path, 64);
  const head = bytes.toString('latin1', 0, 8);
  if (head.startsWith('\x89HDF\r\n\x1a\n')) return (await import('./keras/h5.js')).readKerasH5(path);
  if (head.startsWith('PK\x03\x04')) return (await import('./keras/archive.js')).readKerasArchive(path);
  if (/^\s*\{/.test(head)) return (await import('./tfjs/layersModel.js')).readModel(dirname(path), basename(path));
  // An ONNX file begins with its version, field 1 of the protocol buffer.
  if (head.startsWith('\x08')) return (await import('./onnx/readOnnx.js')).readOnnx(path);
  const got = head === '' ? 'got an empty one' : isWebPage(bytes) ? gotWebPage : `got one that begins with ${JSON.stringify(head)}`;
  throw new DataError(`${path}: expected a model: a Keras .h5 or .keras file, a model.json of tfjs, or an ONNX file, ${got}`);
}
