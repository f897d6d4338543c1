import { closeSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import type onnxProto from 'onnx-proto';
import { fileSize, readFully, unreadable } from '../../shared/files/readFile.js';
import { DataError } from '../../shared/text/errors.js';
import { besideModel } from '../besideModel.js';

/**
 * The bytes of a tensor that are in a second file next to the model, as PyTorch writes them.
 * Source: onnx/docs/ExternalData.md
 * @throws DataError if that file is missing, in another folder, or shorter than the tensor's place in it
 */
export function externalBytes({ name, externalData }: onnxProto.onnx.ITensorProto, path: string): Uint8Array {
  const entries = new Map((externalData ?? []).map(({ key, value }) => [key, value]));
  const what = `${path}: weights ${name}`;
  const file = besideModel(dirname(path), entries.get('location') ?? '', what);
  const size = fileSize(file);
  const offset = Number(entries.get('offset') ?? 0);
  const length = Number(entries.get('length') ?? size - offset);
  const isPlace = [offset, length].every((value) => Number.isSafeInteger(value) && value >= 0);
  if (!isPlace || offset + length > size)
    throw new DataError(`${what}: expected ${length} bytes at ${offset} of ${file}, got a file of ${size} bytes`);
  let opened: number | undefined;
  try {
    opened = openSync(file, 'r');
    const bytes = new Uint8Array(length);
    if (readFully(bytes, opened, offset) < length) throw new DataError(`${file}: became shorter while it was read`);
    return bytes;
  } catch (error) {
    throw unreadable(file, error);
  } finally {
    if (opened !== undefined) closeSync(opened);
  }
}
