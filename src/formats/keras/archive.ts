import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Entry, ZipFile } from 'yauzl';
import yazl from 'yazl';
import { z } from 'zod';
import { placeDurably } from '../../shared/files/durableFile.js';
import { makeTemporaryFolder } from '../../shared/files/temporaryFolder.js';
import { unpackedStream, withZip } from '../../shared/files/zip.js';
import { type ParameterLayout, viewOf } from '../../shared/model/layout.js';
import { buildNetwork } from '../../shared/model/network.js';
import { version } from '../../shared/system/version.js';
import { DataError, errorMessage } from '../../shared/text/errors.js';
import { snakeCase } from '../../shared/text/snakeCase.js';
import { notedMetadata } from '../metadata.js';
import type { SavedModel, TrainableModel } from '../savedModel.js';
import { compileConfig, readCompiled } from './compile.js';
import { type File, floatsAt, groupAt, readHdf5, writeFloats, writeHdf5 } from './hdf5.js';
import { jsonOf, pythonJson } from './kerasJson.js';
import { type KerasObject, kerasLayers } from './kerasLayers.js';
import { withKerasNames } from './layerNames.js';
import { readModelConfig } from './modelConfig.js';
import { slotsOf } from './optimizerSlots.js';
import { readSequential, savedModel, storedIndex } from './sequential.js';

const weightsName = 'model.weights.h5';

/** Bytes that its JSON files may have. */
const mostJson = 16 * 2 ** 20;

/**
 * Writes a model as Keras 3's `model.save('model.keras')` does, with the optimizer's state where it is known.
 * Source: keras/src/saving/saving_lib.py
 * @throws the system's error, with an older file still in place
 */
export async function writeKerasArchive(path: string, own: TrainableModel): Promise<void> {
  const model = { ...own, spec: withKerasNames(own.spec) };
  await inTemporaryFolder(async (folder) => {
    const weightsFile = join(folder, weightsName);
    await writeHdf5(weightsFile, (file) => writeWeights(file, model));
    await placeDurably(path, async (temporary) => {
      const zip = new yazl.ZipFile();
      const add = (name: string, text: string): void => zip.addBuffer(Buffer.from(text), name, { compress: false });
      // Keras reads no version from it, and other files of ours say what theirs is.
      const noted = { keras_version: '3.0.0', date_saved: dateSaved(new Date()), bpnn_dist: { version, ...model.metadata } };
      add('metadata.json', JSON.stringify(noted));
      add('config.json', pythonJson(modelConfig(model)));
      zip.addFile(weightsFile, weightsName, { compress: false });
      zip.end();
      await pipeline(zip.outputStream, createWriteStream(temporary));
    });
  });
}

/** `2026-03-14@15:09:26`, as Keras writes it. */
function dateSaved(now: Date): string {
  return now.toISOString().slice(0, 19).replace('T', '@');
}

function modelConfig({ spec, metadata, optimizer }: TrainableModel): unknown {
  const shape = [null, ...spec.inputShape];
  const input = { class_name: 'InputLayer', config: { batch_shape: shape, dtype: 'float32', name: 'input' } };
  const { loss, metrics, optimizer: compiled } = compileConfig(metadata, optimizer);
  return {
    ...object('keras', {
      class_name: 'Sequential',
      config: {
        name: 'bpnn_dist',
        trainable: true,
        layers: [input, ...kerasLayers(spec)].map((layer) => object('keras.layers', layer)),
        build_input_shape: shape,
      },
    }),
    build_config: { input_shape: shape },
    ...(loss !== null && {
      compile_config: { optimizer: object('keras.optimizers', compiled), loss, metrics, loss_weights: null, weighted_metrics: null },
    }),
  };
}

/** Where Keras has the classes that stand in the arguments of others. */
const modules: readonly (readonly [RegExp, string])[] = [
  [/initializer$/, 'keras.initializers'],
  [/regularizer$/, 'keras.regularizers'],
];

/** An object as Keras 3 writes it, with the module of its class and of those within. */
function object(module: string, { class_name: name, config }: KerasObject): Record<string, unknown> {
  const inner = Object.entries(config).map(([key, value]) => {
    const within = modules.find(([pattern]) => pattern.test(key))?.[1];
    // Keras 3 calls the slope by another name.
    const label = name === 'LeakyReLU' && key === 'alpha' ? 'negative_slope' : key;
    return [label, within && isObject(value) ? object(within, value) : value];
  });
  return { module, class_name: name, config: Object.fromEntries(inner), registered_name: null };
}

function isObject(value: unknown): value is KerasObject {
  return typeof value === 'object' && value !== null && 'class_name' in value;
}

function writeWeights(file: File, { spec, weights, optimizer, state }: TrainableModel): void {
  const { layout } = buildNetwork(spec);
  const variables = (path: readonly string[], name: string) => {
    const group = groupAt(file, [...path, 'vars']);
    group.create_attribute('name', name);
    return group;
  };
  variables([], 'bpnn_dist');
  for (const { name, path } of storedLayers(kerasLayers(spec))) {
    const group = variables(['layers', path], name);
    const own = layout.parameters.filter((parameter) => parameter.name.startsWith(`${name}/`));
    for (const [i, parameter] of own.entries()) writeFloats(group, String(i), viewOf(weights, parameter), parameter.shape);
  }
  if (!state) return;
  const group = variables(['optimizer'], optimizer.name);
  group.create_dataset({ name: '0', data: new BigInt64Array([BigInt(state.updates)]), shape: [], dtype: '<q' });
  const { learningRate } = optimizer;
  // A rate that is one number is a variable of the optimizer.
  const isConstant = learningRate.schedule === 'constant';
  if (isConstant) group.create_dataset({ name: '1', data: new Float32Array([learningRate.initial]), shape: [], dtype: '<f' });
  const first = isConstant ? 2 : 1;
  for (const [i, { values, parameter }] of slotsOf(optimizer, layout, state, 'keras 3').entries()) {
    writeFloats(group, String(first + i), values, parameter.shape);
  }
}

/** Layers by the names under which Keras 3 stores their weights: of their class, with a number behind all but the first. */
function storedLayers(layers: readonly KerasObject[]): { readonly name: string; readonly path: string }[] {
  const counts = new Map<string, number>();
  return layers.map(({ class_name: kind, config }) => {
    const base = snakeCase(kind);
    const count = counts.get(base) ?? 0;
    counts.set(base, count + 1);
    return { name: String(config['name']), path: count === 0 ? base : `${base}_${count}` };
  });
}

/**
 * Reads a model that Keras 3, or we, wrote as .keras. The optimizer's state is left there.
 * @throws DataError naming what cannot be read
 */
export function readKerasArchive(path: string): Promise<SavedModel> {
  return withZip(path, '.keras', async (zip, list) => {
    const entries = new Map(list.map((entry) => [entry.fileName, entry]));
    const config = z.looseObject({}).safeParse(jsonOf(await textOf(zip, entries, 'config.json', path), path));
    if (!config.success) throw new DataError(`${path}: config.json: expected a mapping`);
    const chain = readModelConfig(config.data, path);
    const sequential = readSequential(chain, path);
    const stored = new Map(storedLayers(chain.layers).map(({ name, path: at }) => [name, at]));
    const paths = sequential.weightNames.map((name) => {
      const at = name.lastIndexOf('/');
      return `layers/${stored.get(name.slice(0, at)) ?? ''}/vars/${storedIndex(name.slice(at + 1))}`;
    });
    const values = await valuesOf(zip, entryOf(entries, weightsName, path), sequential.stored, paths, path);
    const noted = z.object({ bpnn_dist: z.unknown() }).safeParse(jsonOf(await textOf(zip, entries, 'metadata.json', path), path));
    return savedModel(sequential, values, { ...readCompiled(config.data['compile_config']), ...notedMetadata(noted.data?.bpnn_dist) });
  });
}

function entryOf(entries: ReadonlyMap<string, Entry>, name: string, path: string): Entry {
  const entry = entries.get(name);
  if (!entry)
    throw new DataError(`${path}: expected ${name} in it, as in what Keras 3 saves, got ${[...entries.keys()].slice(0, 5).join(', ')}`);
  return entry;
}

async function textOf(zip: ZipFile, entries: ReadonlyMap<string, Entry>, name: string, path: string): Promise<string> {
  const entry = entryOf(entries, name, path);
  refuseLarger(entry, mostJson, path);
  const stream = await unpackedStream(zip, entry, `${path}: ${entry.fileName}`);
  try {
    return Buffer.concat(await stream.toArray()).toString('utf8');
  } catch (error) {
    throw new DataError(`${path}: ${name} is damaged: ${errorMessage(error)}`);
  }
}

/** The HDF5 library reads files by their name. */
function valuesOf(zip: ZipFile, entry: Entry, layout: ParameterLayout, paths: readonly string[], path: string): Promise<Float32Array> {
  // Weights, up to three arrays of the optimizer's, and room for HDF5's own.
  refuseLarger(entry, layout.size * 16 + 2 ** 20 + layout.parameters.length * 2 ** 14, path);
  return inTemporaryFolder(async (folder) => {
    const file = join(folder, weightsName);
    try {
      await pipeline(await unpackedStream(zip, entry, `${path}: ${entry.fileName}`), createWriteStream(file));
    } catch (error) {
      throw new DataError(`${path}: ${weightsName} is damaged: ${errorMessage(error)}`);
    }
    return readHdf5(file, `${path}: ${weightsName}`, (hdf5) => {
      const weights = new Float32Array(layout.size);
      for (const [i, parameter] of layout.parameters.entries()) {
        weights.set(floatsAt(hdf5, paths[i] ?? '', parameter.shape, path), parameter.offset);
      }
      return weights;
    });
  });
}

/** yauzl holds an archive to the sizes that it states. */
function refuseLarger({ fileName, uncompressedSize }: Entry, most: number, path: string): void {
  if (uncompressedSize > most)
    throw new DataError(`${path}: ${fileName} unpacks to ${uncompressedSize} bytes: expected at most ${most} for its layers`);
}

async function inTemporaryFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = makeTemporaryFolder();
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
