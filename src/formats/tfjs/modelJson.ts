import { z } from 'zod';
import { show } from '../../shared/config/fields.js';
import { DataError, errorMessage } from '../../shared/text/errors.js';
import { expectedWords } from '../../shared/text/expectedWords.js';
import type { KerasObject } from '../keras/kerasLayers.js';
import { type LayerChain, readModelConfig } from '../keras/modelConfig.js';
import { type ModelMetadata, metadataSchema } from '../metadata.js';
import type { WeightGroup } from './weightsFiles.js';

/** A model.json, as tfjs's `tf.loadLayersModel` reads it. */
export interface LayersModelJson {
  readonly format: 'layers-model';
  readonly generatedBy: string;
  readonly convertedBy: null;
  readonly modelTopology: {
    readonly class_name: 'Sequential';
    readonly config: { readonly name: string; readonly layers: readonly KerasObject[] };
  };
  readonly weightsManifest: readonly WeightGroup[];
  readonly userDefinedMetadata: { readonly bpnnDist: ModelMetadata };
}

const entry = z.object({
  name: z.string(),
  shape: z.array(z.int().min(0)),
  dtype: z.string(),
  quantization: z.undefined('expected weights that are not quantized').optional(),
});

const modelJson = z.object({
  // tfjs's converter puts what Keras wrote one level deeper.
  modelTopology: z.preprocess(
    (value) => (typeof value === 'object' && value !== null && 'model_config' in value ? value.model_config : value),
    z.looseObject({ class_name: z.string() }),
  ),
  weightsManifest: z.array(z.object({ paths: z.array(z.string()), weights: z.array(entry) })),
  userDefinedMetadata: z.object({ bpnnDist: metadataSchema.default({}) }).nullish(),
});

export interface ReadModelJson {
  readonly chain: LayerChain;
  readonly weightsManifest: readonly WeightGroup[];
  readonly metadata: ModelMetadata;
}

/**
 * Reads the text of a model.json.
 * @param path for messages
 * @throws DataError if it is not JSON or not a Sequential LayersModel
 */
export function parseModelJson(text: string, path: string): ReadModelJson {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new DataError(`${path}: is not JSON: ${errorMessage(error)}`);
  }
  const result = modelJson.safeParse(value, { reportInput: true, error: expectedWords });
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new DataError(`${path}: is not a LayersModel of tfjs: ${issue?.path.join('.')}: ${issue?.message}, got ${show(issue?.input)}`);
  }
  const { modelTopology, weightsManifest, userDefinedMetadata } = result.data;
  return { chain: readModelConfig(modelTopology, path), weightsManifest, metadata: userDefinedMetadata?.bpnnDist ?? {} };
}
