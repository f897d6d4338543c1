import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '../../shared/files/durableFile.js';
import { fileSize, unreadable } from '../../shared/files/readFile.js';
import { buildNetwork } from '../../shared/model/network.js';
import type { ModelSpec } from '../../shared/model/spec.js';
import { bytesOf } from '../../shared/numbers/bytesOf.js';
import { errorCode, UsageError } from '../../shared/text/errors.js';
import { layersWithInput } from '../keras/kerasLayers.js';
import { readSequential, savedModel } from '../keras/sequential.js';
import type { ModelMetadata } from '../metadata.js';
import type { SavedModel } from '../savedModel.js';
import { type LayersModelJson, parseModelJson } from './modelJson.js';
import { readWeights, weightsManifest } from './weightsFiles.js';

/**
 * The model.json of a trained model, for tfjs's `tf.loadLayersModel` and for Keras's converter.
 * @param spec a valid one
 * @param version of bpnn-dist
 * @param metadata kept under `userDefinedMetadata.bpnnDist`
 */
export function layersModelJson(spec: ModelSpec, version: string, metadata: ModelMetadata): LayersModelJson {
  return {
    format: 'layers-model',
    generatedBy: `bpnn-dist ${version}`,
    convertedBy: null,
    modelTopology: { class_name: 'Sequential', config: { name: 'bpnn_dist', layers: layersWithInput(spec) } },
    weightsManifest: weightsManifest(buildNetwork(spec).layout, 'weights.bin'),
    userDefinedMetadata: { bpnnDist: metadata },
  };
}

/**
 * Writes a model folder: model.json if it is not there yet, and weights.bin, which is at every moment whole or missing.
 * @param weights flat, in the layout's order; must stay as they are until the promise resolves
 * @throws the system's error, with older weights still in place
 */
export async function writeModel(folder: string, modelJson: LayersModelJson, weights: Float32Array): Promise<void> {
  await mkdir(folder, { recursive: true });
  const description = join(folder, 'model.json');
  if (!existsSync(description)) await writeDurably(description, [Buffer.from(`${JSON.stringify(modelJson, undefined, 2)}\n`)]);
  const bytes = bytesOf(weights);
  await writeDurably(join(folder, 'weights.bin'), [bytes]);
}

/**
 * Reads a model folder: one that `writeModel` wrote, or a Sequential model of tfjs.
 * @param file its model.json, where it has another name
 * @throws UsageError if there is no such folder or no model.json in it; DataError naming the file, and the layer or
 *   weights in it, that cannot be read
 */
export async function readModel(folder: string, file = 'model.json'): Promise<SavedModel> {
  const path = join(folder, file);
  const { chain, weightsManifest: groups, metadata } = parseModelJson(await readText(folder, path), path);
  const sequential = readSequential(chain, path);
  const values = await readWeights(folder, groups, sequential.weightNames, sequential.stored);
  return savedModel(sequential, values, metadata);
}

async function readText(folder: string, path: string): Promise<string> {
  try {
    if (existsSync(path)) fileSize(path);
    return await readFile(path, 'utf8');
  } catch (error) {
    if (!existsSync(folder)) throw new UsageError(`${folder}: no such folder`);
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error)))
      throw new UsageError(`${folder}: expected the folder of a model, with a model.json in it`);
    throw unreadable(path, error);
  }
}
