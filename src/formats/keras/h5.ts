import type { OptimizerSpec } from '../../shared/config/optimizerSchema.js';
import { placeDurably } from '../../shared/files/durableFile.js';
import { viewOf } from '../../shared/model/layout.js';
import { buildNetwork } from '../../shared/model/network.js';
import { version } from '../../shared/system/version.js';
import { DataError } from '../../shared/text/errors.js';
import { notedMetadata } from '../metadata.js';
import type { SavedModel, TrainableModel } from '../savedModel.js';
import { compileConfig, readCompiled } from './compile.js';
import {
  type File,
  floatsAt,
  type Group,
  groupAt,
  isGroup,
  namesAttribute,
  readHdf5,
  textAttribute,
  writeFloats,
  writeHdf5,
  writeNames,
} from './hdf5.js';
import { jsonOf, pythonJson } from './kerasJson.js';
import { kerasLayers } from './kerasLayers.js';
import { withKerasNames } from './layerNames.js';
import { readModelConfig } from './modelConfig.js';
import { type Slot, slotsOf } from './optimizerSlots.js';
import { readSequential, savedModel, storedIndex } from './sequential.js';

/** tf.keras 2.15 finds AdamW only by the name under which it is registered, Keras 3 by its class. */
const registrations: Partial<Record<OptimizerSpec['name'], object>> = { adamw: { registered_name: 'Custom>AdamW' } };

/** Where we note what Keras has no words for. */
const noteName = 'bpnn_dist';

/**
 * Writes a model as Keras's `model.save('model.h5')` does, in the form of Keras 2, which Keras 3 reads as well:
 * architecture, weights, what it was compiled with, and the optimizer's state where it is known.
 * Source: keras/src/legacy/saving/legacy_h5_format.py
 * @throws the system's error, with an older file still in place
 */
export async function writeKerasH5(path: string, model: TrainableModel): Promise<void> {
  await placeDurably(path, (temporary) => writeHdf5(temporary, (file) => writeInto(file, model)));
}

function writeInto(file: File, { spec: own, weights, metadata, optimizer, state }: TrainableModel): void {
  const spec = withKerasNames(own);
  const { layout } = buildNetwork(spec);
  const input = { class_name: 'InputLayer', config: { batch_input_shape: [null, ...spec.inputShape], dtype: 'float32', name: 'input' } };
  const layers = [input, ...kerasLayers(spec)];
  const compiled = compileConfig(metadata, optimizer);
  const training = {
    loss: compiled.loss,
    metrics: compiled.metrics,
    weighted_metrics: null,
    loss_weights: null,
    optimizer_config: { ...compiled.optimizer, ...registrations[optimizer.name] },
  };
  const attributes = (of: Group): void => {
    of.create_attribute('backend', 'tensorflow');
    of.create_attribute('keras_version', '2.15.0');
  };
  attributes(file);
  file.create_attribute('model_config', pythonJson({ class_name: 'Sequential', config: { name: 'bpnn_dist', layers } }));
  if (compiled.loss !== null) file.create_attribute('training_config', pythonJson(training));
  file.create_attribute(noteName, JSON.stringify({ version, ...metadata }));

  const group = file.create_group('model_weights');
  attributes(group);
  const names = layers.slice(1).map(({ config }) => String(config['name']));
  writeNames(group, 'layer_names', names);
  for (const name of names) {
    const own = layout.parameters.filter((parameter) => parameter.name.startsWith(`${name}/`));
    const layer = group.create_group(name);
    writeNames(
      layer,
      'weight_names',
      own.map((parameter) => `${parameter.name}:0`),
    );
    for (const parameter of own) writeAt(layer, `${parameter.name}:0`, viewOf(weights, parameter), parameter.shape);
  }
  writeNames(group.create_group('top_level_model_weights'), 'weight_names', []);
  if (state)
    writeOptimizer(
      file.create_group('optimizer_weights'),
      compiled.optimizer.class_name,
      state.updates,
      slotsOf(optimizer, layout, state, 'keras 2'),
    );
}

function writeOptimizer(group: Group, name: string, updates: number, slots: readonly Slot[]): void {
  const nameOf = ({ kind, parameter }: Slot): string => `${name}/${kind}/${parameter.name}:0`;
  writeNames(group, 'weight_names', ['iteration:0', ...slots.map(nameOf)]);
  group.create_dataset({ name: 'iteration:0', data: new BigInt64Array([BigInt(updates)]), shape: [], dtype: '<q' });
  for (const slot of slots) writeAt(group, nameOf(slot), slot.values, slot.parameter.shape);
}

/** Writes values below the groups that slashes in their path name. */
function writeAt(root: Group, path: string, values: Float32Array, shape: readonly number[]): void {
  const names = path.split('/');
  writeFloats(groupAt(root, names.slice(0, -1)), names.at(-1) ?? '', values, shape);
}

/**
 * Reads a model that Keras 2 or 3, or we, wrote as .h5. The optimizer's state is left there.
 * @throws DataError naming what cannot be read
 */
export function readKerasH5(path: string): Promise<SavedModel> {
  return readHdf5(path, path, (file) => {
    const config = textAttribute(file, 'model_config');
    const weightsGroup = file.get('model_weights');
    if (config === undefined || !isGroup(weightsGroup)) {
      throw new DataError(
        `${path}: has no model in it: expected what model.save writes, architecture and weights${
          'layer_names' in file.attrs ? ', got weights alone (save_weights)' : ''
        }`,
      );
    }
    const sequential = readSequential(readModelConfig(jsonOf(config, path), path), path);
    const { stored, weightNames } = sequential;
    const values = new Float32Array(stored.size);
    for (const [i, { shape, offset }] of stored.parameters.entries()) {
      values.set(floatsAt(weightsGroup, storedPath(weightsGroup, weightNames[i] ?? '', path), shape, path), offset);
    }
    const training = textAttribute(file, 'training_config');
    const note = textAttribute(file, noteName);
    const compiled = training === undefined ? {} : readCompiled(jsonOf(training, path));
    return savedModel(sequential, values, { ...compiled, ...(note !== undefined && notedMetadata(jsonOf(note, path))) });
  });
}

/** Where the weights `LAYER/kernel` or `LAYER/bias` are, or `mean` and `variance`: a layer's group lists its own, which may carry the model's name, in this order. */
function storedPath(group: Group, name: string, path: string): string {
  const at = name.lastIndexOf('/');
  const [layer, what] = [name.slice(0, at), name.slice(at + 1)];
  const own = group.get(layer);
  const stored = isGroup(own) ? namesAttribute(own, 'weight_names')[storedIndex(what)] : undefined;
  if (stored === undefined) throw new DataError(`${path}: layer ${layer}: expected its ${what} in model_weights, and it is not there`);
  return `${layer}/${stored}`;
}
