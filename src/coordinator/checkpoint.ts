import { createHash } from 'node:crypto';
import { DataError } from '../shared/errors.js';
import { jsonLine } from '../shared/json.js';
import type { OptimizerState } from './optimizer.js';
import type { Progress } from './progress.js';

/** Everything that a run needs to go on as if it had never stopped. */
export interface Checkpoint {
  readonly progress: Progress;
  readonly optimizer: OptimizerState;
  /** The weights that early stopping would restore, where it is asked to. */
  readonly stoppingBest: Float32Array | undefined;
  /** Bytes of metrics.jsonl that belong to the steps so far. */
  readonly metricsBytes: number;
}

const magic = Buffer.from('bpnn-dist checkpoint 1\n');
const digestBytes = 32;

/**
 * A checkpoint as bytes: a line that names the format, the length of a JSON header, the header, the float32 arrays,
 * and the SHA-256 of all that.
 */
export function encodeCheckpoint({ progress, optimizer, stoppingBest, metricsBytes }: Checkpoint): Uint8Array[] {
  const arrays = [optimizer.weights, optimizer.m, optimizer.v, ...(stoppingBest ? [stoppingBest] : [])];
  const json = Buffer.from(
    jsonLine({ progress, updates: optimizer.updates, metricsBytes, parameters: optimizer.weights.length, arrays: arrays.length }),
  );
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.byteLength);
  const parts = [magic, length, json, ...arrays.map((array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength))];
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return [...parts, hash.digest()];
}

/**
 * Reads a checkpoint.
 * @param name only for messages
 * @throws DataError where it is not a whole one
 */
export function decodeCheckpoint(bytes: Uint8Array, name: string): Checkpoint {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!buffer.subarray(0, magic.byteLength).equals(magic)) throw new DataError(`${name}: not a checkpoint of this version`);
  const body = buffer.subarray(0, buffer.byteLength - digestBytes);
  const digest = createHash('sha256').update(body).digest();
  if (!digest.equals(buffer.subarray(body.byteLength)))
    throw new DataError(`${name}: the checksum does not fit; the file is cut short or damaged`);
  const jsonStart = magic.byteLength + 4;
  const jsonEnd = jsonStart + buffer.readUInt32LE(magic.byteLength);
  const header = JSON.parse(buffer.toString('utf8', jsonStart, jsonEnd)) as {
    progress: Progress;
    updates: number;
    metricsBytes: number;
    parameters: number;
    arrays: number;
  };
  const [weights, m, v, stoppingBest] = Array.from({ length: header.arrays }, (_, i) => {
    const start = jsonEnd + i * header.parameters * 4;
    // A copy, since the arrays behind a header of any length are not aligned.
    const copy = new Uint8Array(buffer.subarray(start, start + header.parameters * 4));
    return new Float32Array(copy.buffer);
  });
  if (!weights || !m || !v) throw new DataError(`${name}: expected weights and two moments, got ${header.arrays} arrays`);
  return {
    progress: header.progress,
    optimizer: { weights, m, v, updates: header.updates },
    stoppingBest,
    metricsBytes: header.metricsBytes,
  };
}
