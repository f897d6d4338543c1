import { z } from 'zod';
import { show } from '../../shared/config/fields.js';
import { DataError, errorMessage } from '../../shared/errors.js';
import { losses, metrics } from '../../shared/model/spec.js';
import type { KerasObject } from '../keras/kerasLayers.js';
import type { WeightGroup } from './weightsFiles.js';

const metadata = z.object({
  loss: z.enum(losses).optional(),
  metrics: z.array(z.enum(metrics)).readonly().optional(),
  normalize: z.object({ divide: z.number() }).readonly().optional(),
});

/** What a model was trained for, and what its inputs were divided by. */
export type ModelMetadata = Readonly<z.output<typeof metadata>>;

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

const layers = z.array(z.object({ class_name: z.string(), config: z.record(z.string(), z.unknown()) }));

const topology = z.object({
  class_name: z.literal('Sequential', 'expected a Sequential model'),
  // Keras before 2.2.3 wrote the bare list.
  config: z.union([z.object({ layers }), layers.transform((list) => ({ layers: list }))]),
});

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
    topology,
  ),
  weightsManifest: z.array(z.object({ paths: z.array(z.string()), weights: z.array(entry) })),
  userDefinedMetadata: z.object({ bpnnDist: metadata.default({}) }).nullish(),
});

export interface ReadModelJson {
  readonly layers: readonly KerasObject[];
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
  const result = modelJson.safeParse(value, { reportInput: true });
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new DataError(`${path}: is not a LayersModel of tfjs: ${issue?.path.join('.')}: ${issue?.message}, got ${show(issue?.input)}`);
  }
  const { modelTopology, weightsManifest, userDefinedMetadata } = result.data;
  return { layers: modelTopology.config.layers, weightsManifest, metadata: userDefinedMetadata?.bpnnDist ?? {} };
}
