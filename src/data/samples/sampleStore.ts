import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import crc32 from 'crc-32';
import type { Preparation } from '../../shared/config/dataSchema.js';
import { sizeOf } from '../../shared/model/shape.js';
import { bytesOf } from '../../shared/numbers/bytesOf.js';
import { askedBytes, type RawSamples, type RowLayout, type SplitLayout, sampleBytes } from '../../shared/protocol/dataLayout.js';
import { errorMessage, ProtocolError, RunError } from '../../shared/text/errors.js';
import { type DiskRows, diskRows } from '../arrays/diskRows.js';
import { type Dtype, dtypes, isDtype } from '../arrays/dtype.js';
import { numberReader, type RowBuffer } from '../arrays/rows.js';
import type { Dataset, SampleIndices, TargetKind } from './dataset.js';
import { KeptRows } from './keptRows.js';
import { targetKind } from './targets.js';

export interface SampleStoreOptions {
  /** Where they are kept. Another store of the same data may be there, also of another process. */
  readonly folder: string;
  readonly layout: SplitLayout;
  readonly preparation: Preparation | undefined;
  readonly fingerprint: string;
  /** Gets some samples from where they are. */
  readonly ask: (samples: readonly number[]) => Promise<RawSamples>;
}

/** Samples that are asked for at once. */
const mostAsked = 2 ** 14;

/**
 * Samples of one part that come from elsewhere, once each, and are kept on disk. They must have been fetched before they are
 * read. A checksum stands for each that is kept: what another process or an earlier run has left counts only if it is whole.
 */
export class SampleStore implements Dataset {
  readonly count: number;
  readonly inputShape: readonly number[];
  readonly targets: TargetKind;
  readonly fingerprint: string;
  readonly sampleWeight: Dataset['sampleWeight'];
  readonly readTarget: Dataset['readTarget'];
  readonly #options: SampleStoreOptions;
  readonly #arrays: readonly KeptRows[];
  /** Of each sample the checksum over its rows; 0 where it is not there. */
  readonly #checksums: KeptRows;
  readonly #inputs: DiskRows;
  /** A byte a sample: 1 where it is known to be here. */
  readonly #isHere: Uint8Array;
  readonly #coming = new Map<number, Promise<void>>();

  /** @throws ProtocolError for a layout that cannot be, RunError where nothing can be kept */
  constructor(options: SampleStoreOptions) {
    const { folder, layout, fingerprint } = options;
    const { count, inputs, targets, isWeighted } = layout;
    const [input, target] = [arrayOf(inputs, count), arrayOf(targets, count)];
    makeFolder(folder);
    const open = (name: string, bytes: number): KeptRows => new KeptRows(join(folder, name), bytes);
    const [x, y] = [open('inputs', inputs.bytes), open('targets', targets.bytes)];
    const w = isWeighted ? open('weights', 4) : undefined;
    this.#options = options;
    this.#arrays = [x, y, ...(w ? [w] : [])];
    this.#checksums = open('checksums', 4);
    const name = 'the samples of the coordinator';
    this.#inputs = diskRows(name, x.file, 0, input, undefined);
    this.#isHere = new Uint8Array(count);
    this.count = count;
    this.inputShape = inputs.shape.length === 0 ? [1] : inputs.shape;
    this.targets = targetKind(dtypes[target.dtype].isInteger, sizeOf(targets.shape));
    this.fingerprint = fingerprint;
    this.readTarget = diskRows(name, y.file, 0, target, undefined).rows;
    this.sampleWeight =
      w && numberReader(diskRows(name, w.file, 0, arrayOf({ dtype: 'float32', shape: [], bytes: 4 }, count), undefined).rows);
  }

  inputs(capacity: number): RowBuffer {
    return this.#inputs.buffer(capacity, this.#options.preparation);
  }

  fetch(samples: SampleIndices): Promise<void> | undefined {
    const lacking = [...samples].filter((sample) => !this.#isHere[sample]);
    const asked = lacking.filter((sample) => !this.#coming.has(sample) && !this.#isKept(sample));
    const most = Math.max(1, Math.min(mostAsked, Math.floor(askedBytes / sampleBytes(this.#options.layout))));
    for (let first = 0; first < asked.length; first += most) this.#ask(asked.slice(first, first + most));
    const coming = new Set(lacking.flatMap((sample) => this.#coming.get(sample) ?? []));
    return coming.size === 0 ? undefined : Promise.all(coming).then(() => undefined);
  }

  close(): void {
    for (const array of [...this.#arrays, this.#checksums]) array.close();
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
    const checksums = samples.map((_, place) =>
      checksumOf(this.#arrays.map(({ rowBytes }, i) => rows[i]?.subarray(place * rowBytes, (place + 1) * rowBytes))),
    );
    this.#checksums.put(samples, bytesOf(Int32Array.from(checksums)));
    for (const sample of samples) this.#isHere[sample] = 1;
  }

  /** Has another process or an earlier run left it here, as a whole? */
  #isKept(sample: number): boolean {
    const noted = this.#checksums.read(sample);
    const [checksum = 0] = noted ? new Int32Array(noted.buffer) : [];
    if (checksum === 0 || checksum !== checksumOf(this.#arrays.map((array) => array.read(sample)))) return false;
    this.#isHere[sample] = 1;
    return true;
  }
}

/** Never 0. */
function checksumOf(rows: readonly (Uint8Array | undefined)[]): number {
  return rows.reduce((sum, row) => crc32.buf(row ?? new Uint8Array(), sum), 0) || 1;
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new RunError(`${folder}: samples cannot be kept there (${errorMessage(error)}): name another cache folder with XDG_CACHE_HOME`);
  }
}

/** @throws ProtocolError for a number type that there is not, or other bytes than it takes */
function arrayOf({ dtype, shape, bytes }: RowLayout, count: number): { readonly dtype: Dtype; readonly shape: readonly number[] } & Le {
  if (!isDtype(dtype) || sizeOf(shape) * dtypes[dtype].bytes !== bytes)
    throw new ProtocolError(`there are no rows of ${dtype} [${shape.join(', ')}] in ${bytes} bytes`);
  return { dtype, shape: [count, ...shape], byteOrder: 'LE', valuesAt: 0 };
}

interface Le {
  readonly byteOrder: 'LE';
  readonly valuesAt: 0;
}
