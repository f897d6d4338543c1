import { createHash } from 'node:crypto';
import type { TrainingState } from '../coordinator/training/ports.js';
import type { Progress } from '../coordinator/training/progress.js';
import { DataError } from '../shared/text/errors.js';
import { jsonLine } from '../shared/text/json.js';

/** Everything that a run needs to go on as if it had never stopped. */
export interface Checkpoint extends TrainingState {
  /** Names the run; absent in checkpoints of earlier versions. */
  readonly run?: string | undefined;
  /** Bytes of metrics.jsonl that belong to the steps so far. */
  readonly metricsBytes: number;
}

const magic = Buffer.from('bpnn-dist checkpoint 1\n');
const digestBytes = 32;

/** Which of the arrays behind the header is what; equal arrays stand there once. */
interface Header {
  readonly run?: string | undefined;
  readonly progress: Progress;
  readonly updates: number;
  readonly metricsBytes: number;
  readonly parameters: number;
  readonly arrays: {
    readonly weights: number;
    readonly m: number;
    readonly v: number;
    readonly best?: number;
    readonly stoppingBest?: number;
  };
}

/**
 * A checkpoint as bytes: a line that names the format, the length of a JSON header, the header, the float32 arrays,
 * and the SHA-256 of all that. The parts are copies, so that training can go on while they are written.
 */
export function encodeCheckpoint({ run, progress, optimizer, best, stoppingBest, metricsBytes }: Checkpoint): Uint8Array[] {
  const stored: Buffer[] = [];
  const place = (array: Float32Array): number => {
    const bytes = Buffer.from(array.buffer, array.byteOffset, array.byteLength);
    const known = stored.findIndex((other) => other.equals(bytes));
    return known >= 0 ? known : stored.push(Buffer.from(bytes)) - 1;
  };
  const arrays = {
    weights: place(optimizer.weights),
    m: place(optimizer.m),
    v: place(optimizer.v),
    ...(best && { best: place(best) }),
    ...(stoppingBest && { stoppingBest: place(stoppingBest) }),
  };
  const header: Header = { run, progress, updates: optimizer.updates, metricsBytes, parameters: optimizer.weights.length, arrays };
  const json = Buffer.from(jsonLine(header));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.byteLength);
  const parts = [magic, length, json, ...stored];
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
  const body = buffer.subarray(0, Math.max(0, buffer.byteLength - digestBytes));
  const digest = createHash('sha256').update(body).digest();
  if (!digest.equals(buffer.subarray(body.byteLength))) {
    throw new DataError(`${name}: the checksum does not fit; the file is cut short or damaged`);
  }
  const jsonStart = magic.byteLength + 4;
  const jsonEnd = jsonStart + buffer.readUInt32LE(magic.byteLength);
  // The checksum says that this is what encodeCheckpoint wrote.
  const { run, progress, updates, metricsBytes, parameters, arrays } = JSON.parse(buffer.toString('utf8', jsonStart, jsonEnd)) as Header;
  const arrayAt = (index: number): Float32Array => {
    const start = jsonEnd + index * parameters * 4;
    // A copy, since what stands behind a header of any length is not aligned.
    return new Float32Array(new Uint8Array(buffer.subarray(start, start + parameters * 4)).buffer);
  };
  return {
    ...(run !== undefined && { run }),
    progress,
    optimizer: { weights: arrayAt(arrays.weights), m: arrayAt(arrays.m), v: arrayAt(arrays.v), updates },
    best: arrays.best === undefined ? undefined : arrayAt(arrays.best),
    stoppingBest: arrays.stoppingBest === undefined ? undefined : arrayAt(arrays.stoppingBest),
    metricsBytes,
  };
}
