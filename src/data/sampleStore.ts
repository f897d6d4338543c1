import {
  closeSync,
  constants,
  existsSync,
  fdatasync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Preparation } from '../shared/config/dataSchema.js';
import type { PartLayout, RawSamples, RowLayout } from '../shared/dataLayout.js';
import { ProtocolError } from '../shared/errors.js';
import { type ArrayFile, openArray } from './arrayFile.js';
import type { Dataset, SampleIndices, TargetKind } from './dataset.js';
import { type Dtype, dtypes, isDtype } from './dtype.js';
import { sizeOf } from './header.js';
import { descrOf } from './npy.js';
import { npyHeader } from './npyWrite.js';
import type { RowBuffer } from './rows.js';

export interface SampleStoreOptions {
  /** Where they are kept. Another store of the same data may be there, also of another process. */
  readonly folder: string;
  readonly layout: PartLayout;
  readonly preparation: Preparation | undefined;
  readonly fingerprint: string;
  /** Gets some samples from where they are. */
  readonly ask: (samples: readonly number[]) => Promise<RawSamples>;
}

/** Bytes and samples that are asked for at once. */
const askedBytes = 2 ** 22;
const mostAsked = 2 ** 14;
/** Milliseconds between two looks at what other processes have put here, and between two tellings of what this one has. */
const shareInterval = 1_000;

/** Samples of one part that come from elsewhere, once each, and are kept on disk. They must have been fetched before they are read. */
export class SampleStore implements Dataset {
  readonly count: number;
  readonly inputShape: readonly number[];
  readonly targets: TargetKind;
  readonly fingerprint: string;
  readonly sampleWeight: Dataset['sampleWeight'];
  readonly #options: SampleStoreOptions;
  readonly #arrays: readonly KeptArray[];
  readonly #inputs: ArrayFile;
  readonly #targets: ArrayFile;
  /** A byte a sample: 1 where it is here. The file says so only of what has reached the disk. */
  readonly #isHere: Uint8Array;
  readonly #hereFile: string;
  readonly #coming = new Map<number, Promise<void>>();
  #untold: number[] = [];
  #telling: Promise<void> = Promise.resolve();
  #lookedAt = Number.NEGATIVE_INFINITY;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(options: SampleStoreOptions) {
    const { folder, layout, fingerprint } = options;
    const { count, inputs, targets, isWeighted } = layout;
    mkdirSync(folder, { recursive: true });
    const arrays = { inputs, targets, ...(isWeighted && { weights: { dtype: 'float32', shape: [] } }) };
    const kept = Object.entries(arrays).map(([name, rows]) => new KeptArray(join(folder, `${name}.npy`), count, rows));
    const [x, y, w] = kept.map(({ path }) => openArray(path, 0));
    if (!x || !y) throw new RangeError('a store keeps inputs and targets');
    this.#options = options;
    this.#arrays = kept;
    this.#inputs = x;
    this.#targets = y;
    this.count = count;
    this.inputShape = inputs.shape.length === 0 ? [1] : inputs.shape;
    this.targets = { width: y.rowWidth, isClassNumber: y.isInteger && y.rowWidth === 1 };
    this.fingerprint = fingerprint;
    this.sampleWeight = w && numberReader(w);
    this.#hereFile = join(folder, 'here');
    this.#isHere = new Uint8Array(count);
    this.#look();
  }

  inputs(capacity: number): RowBuffer {
    return this.#inputs.buffer(capacity, this.#options.preparation);
  }

  readTarget(index: number, into: Float32Array, offset: number): void {
    this.#targets.rows(index, into, offset);
  }

  fetch(samples: SampleIndices): Promise<void> | undefined {
    let lacking = [...samples].filter((sample) => !this.#isHere[sample]);
    if (lacking.length === 0) return undefined;
    this.#look();
    lacking = lacking.filter((sample) => !this.#isHere[sample]);
    const asked = lacking.filter((sample) => !this.#coming.has(sample));
    const most = Math.max(1, Math.min(mostAsked, Math.floor(askedBytes / sampleBytes(this.#options.layout))));
    for (let first = 0; first < asked.length; first += most) this.#ask(asked.slice(first, first + most));
    const coming = new Set(lacking.flatMap((sample) => this.#coming.get(sample) ?? []));
    return coming.size === 0 ? undefined : Promise.all(coming).then(() => undefined);
  }

  /** What has come is told to other processes, and to those that come later. */
  async close(): Promise<void> {
    this.#tell();
    await this.#telling;
    for (const array of this.#arrays) array.close();
  }

  #ask(samples: readonly number[]): void {
    const coming = this.#options.ask(samples).then((rows) => this.#keep(samples, rows));
    for (const sample of samples) this.#coming.set(sample, coming);
    const forget = (): void => {
      for (const sample of samples) this.#coming.delete(sample);
    };
    // Whoever needs them hears of what went wrong; what is fetched ahead is asked for again.
    coming.then(forget, forget);
  }

  /** @throws ProtocolError where they are not these samples */
  #keep(samples: readonly number[], rows: RawSamples): void {
    if (rows.length !== this.#arrays.length) throw new ProtocolError(`samples: expected ${this.#arrays.length} arrays, got ${rows.length}`);
    for (const [i, array] of this.#arrays.entries()) array.put(samples, rows[i] ?? new Uint8Array());
    for (const sample of samples) this.#isHere[sample] = 1;
    for (const sample of samples) this.#untold.push(sample);
    if (performance.now() - this.#toldAt > shareInterval) this.#tell();
  }

  /** A sample counts as here for others only once it has reached the disk. */
  #tell(): void {
    const samples = this.#untold;
    if (samples.length === 0) return;
    this.#untold = [];
    this.#toldAt = performance.now();
    this.#telling = this.#telling.then(async () => {
      for (const array of this.#arrays) await array.flush();
      const file = openSync(this.#hereFile, constants.O_RDWR | constants.O_CREAT);
      try {
        for (const sample of samples) writeSync(file, Uint8Array.of(1), 0, 1, sample);
      } finally {
        closeSync(file);
      }
    });
  }

  /** Notes what others have put here. */
  #look(): void {
    if (performance.now() - this.#lookedAt < shareInterval) return;
    this.#lookedAt = performance.now();
    if (!existsSync(this.#hereFile)) return;
    const isThere = readFileSync(this.#hereFile);
    for (let sample = 0; sample < isThere.length; sample++) if (isThere[sample] === 1) this.#isHere[sample] = 1;
  }
}

/** Bytes of one sample on its way. */
export function sampleBytes({ inputs, targets, isWeighted }: PartLayout): number {
  return rowBytes(inputs) + rowBytes(targets) + (isWeighted ? 4 : 0);
}

function rowBytes({ dtype, shape }: RowLayout): number {
  return sizeOf(shape) * dtypes[dtypeOf(dtype)].bytes;
}

function dtypeOf(name: string): Dtype {
  if (isDtype(name)) return name;
  throw new ProtocolError(`there is no number type ${name}`);
}

/** Reads an array of one number a row. */
function numberReader(array: ArrayFile): (row: number) => number {
  const value = new Float32Array(1);
  return (row) => {
    array.rows(row, value, 0);
    return value[0] ?? Number.NaN;
  };
}

/** An array of which some rows are there. */
class KeptArray {
  readonly #file: number;
  readonly #valuesAt: number;
  readonly #rowBytes: number;

  /** Two processes may make it at once: both write the same. */
  constructor(
    readonly path: string,
    count: number,
    rows: RowLayout,
  ) {
    this.#rowBytes = rowBytes(rows);
    const header = npyHeader(descrOf(dtypeOf(rows.dtype)), [count, ...rows.shape]);
    this.#valuesAt = header.length;
    this.#file = openSync(path, constants.O_RDWR | constants.O_CREAT);
    writeSync(this.#file, header, 0, header.length, 0);
    const size = header.length + count * this.#rowBytes;
    if (fstatSync(this.#file).size !== size) ftruncateSync(this.#file, size);
  }

  put(samples: readonly number[], rows: Uint8Array): void {
    const bytes = this.#rowBytes;
    if (rows.byteLength !== samples.length * bytes)
      throw new ProtocolError(`samples: expected ${samples.length} rows of ${bytes} bytes, got ${rows.byteLength} bytes`);
    for (const [i, sample] of samples.entries()) writeSync(this.#file, rows, i * bytes, bytes, this.#valuesAt + sample * bytes);
  }

  flush(): Promise<void> {
    return promisify(fdatasync)(this.#file);
  }

  close(): void {
    closeSync(this.#file);
  }
}
