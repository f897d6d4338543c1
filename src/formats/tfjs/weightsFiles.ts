import { existsSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { fileSize } from '../../shared/files/readFile.js';
import type { ParameterLayout } from '../../shared/model/layout.js';
import { sizeOf } from '../../shared/model/shape.js';
import { DataError, errorMessage } from '../../shared/text/errors.js';
import { besideModel } from '../besideModel.js';

/** One array in a file of weights. */
export interface WeightEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
}

/** Arrays that stand one behind the other in some files, which are read as one. */
export interface WeightGroup {
  readonly paths: readonly string[];
  readonly weights: readonly WeightEntry[];
}

/** The manifest of one file with all parameters of a layout. */
export function weightsManifest(layout: ParameterLayout, file: string): readonly WeightGroup[] {
  return [{ paths: [file], weights: layout.parameters.map(({ name, shape }) => ({ name, shape, dtype: 'float32' })) }];
}

const valueBytes: ReadonlyMap<string, number> = new Map([
  ['float32', 4],
  ['int32', 4],
  ['uint8', 1],
  ['bool', 1],
]);

/**
 * Reads the weights of a model folder into one flat array.
 * @param names of the layout's parameters, in its order; other arrays, such as an optimizer's, are passed over
 * @throws DataError for files that cannot be read or have another length than the manifest says, and for a parameter that
 *   is missing or has another shape or type
 */
export async function readWeights(
  folder: string,
  groups: readonly WeightGroup[],
  names: readonly string[],
  layout: ParameterLayout,
): Promise<Float32Array> {
  const flat = new Float32Array(layout.size);
  const flatBytes = new Uint8Array(flat.buffer);
  const stored = storedNames(groups, names, folder);
  const parameters = new Map(layout.parameters.map((parameter, i) => [stored[i], parameter]));
  for (const group of groups) {
    const bytes = await readGroup(folder, group);
    let at = 0;
    for (const entry of group.weights) {
      const length = byteLengthOf(entry, folder);
      const parameter = parameters.get(entry.name);
      if (parameter) {
        const [expected, got] = [describe('float32', parameter.shape), describe(entry.dtype, entry.shape)];
        if (expected !== got) throw new DataError(`${folder}: weights ${entry.name}: expected ${expected}, got ${got}`);
        flatBytes.set(bytes.subarray(at, at + length), parameter.offset * 4);
      }
      at += length;
    }
  }
  return flat;
}

/** Names that a message shows of a manifest. */
const mostShown = 6;

/**
 * What a manifest calls the weights of these names: the same, or, as in models of Keras 3 (`sequential/dense/kernel`), the
 * only name that ends so.
 */
function storedNames(groups: readonly WeightGroup[], names: readonly string[], folder: string): string[] {
  const all = groups.flatMap(({ weights }) => weights.map(({ name }) => name));
  const others = all.filter((stored) => !names.includes(stored));
  return names.map((name) => {
    if (all.includes(name)) return name;
    const [found, ...more] = others.filter((stored) => stored.endsWith(`/${name}`));
    if (found !== undefined && more.length === 0) return found;
    const got =
      found === undefined
        ? `got ${all.slice(0, mostShown).join(', ')}${all.length > mostShown ? ', ...' : ''}`
        : `several names end so: ${[found, ...more].join(', ')}`;
    throw new DataError(`${folder}: model.json names no weights ${name}: ${got}`);
  });
}

async function readGroup(folder: string, { paths, weights }: WeightGroup): Promise<Uint8Array> {
  const expected = weights.reduce((sum, entry) => sum + byteLengthOf(entry, folder), 0);
  const files: FileHandle[] = [];
  const what = paths.map((path) => join(folder, path)).join(', ');
  for (const path of paths) {
    const file = besideModel(folder, path, join(folder, 'model.json'));
    if (existsSync(file)) fileSize(file);
  }
  try {
    for (const path of paths) files.push(await open(join(folder, path), 'r'));
    const sizes = await Promise.all(files.map(async (file) => (await file.stat()).size));
    const got = sizes.reduce((sum, size) => sum + size, 0);
    if (got !== expected) throw new DataError(`${what}: expected ${expected} bytes of weights, got ${got}`);
    const bytes = new Uint8Array(expected);
    let at = 0;
    for (const [i, file] of files.entries()) at += await fill(file, bytes.subarray(at, at + (sizes[i] ?? 0)));
    if (at !== expected) throw new DataError(`${what}: became shorter while it was read`);
    return bytes;
  } catch (error) {
    throw error instanceof DataError ? error : new DataError(`${what}: the weights cannot be read: ${errorMessage(error)}`);
  } finally {
    for (const file of files) await file.close();
  }
}

/** Reads from the start of a file; returns how many bytes there were. */
async function fill(file: FileHandle, bytes: Uint8Array): Promise<number> {
  let filled = 0;
  while (filled < bytes.length) {
    // One read takes at most 2^31 - 1 bytes.
    const { bytesRead } = await file.read(bytes, filled, Math.min(bytes.length - filled, 2 ** 30), filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

function byteLengthOf({ name, shape, dtype }: WeightEntry, folder: string): number {
  const bytes = valueBytes.get(dtype);
  if (bytes === undefined)
    throw new DataError(`${folder}: weights ${name}: expected type ${[...valueBytes.keys()].join(', ')}, got ${dtype}`);
  return sizeOf(shape) * bytes;
}

function describe(dtype: string, shape: readonly number[]): string {
  return `${dtype} [${shape.join(', ')}]`;
}
