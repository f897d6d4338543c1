import { readFileSync } from 'node:fs';
import { writeDurably } from '../../shared/durableFile.js';
import { decodeImage } from '../images/decode.js';
import { type Missing, RowEncoder } from '../table/encode.js';
import { openTable } from '../table/openTable.js';
import type { TableSchema } from '../table/schema.js';
import type { Piece } from '../table/tableFile.js';

/** Rows of a table that become samples. */
export interface TablePart {
  readonly kind: 'table';
  readonly path: string;
  readonly piece: Piece;
  readonly schema: TableSchema;
  readonly missing: Missing;
  /** Whose categories those of the schema are, for messages. */
  readonly like: string;
}

/** Images that become samples. */
export interface ImagesPart {
  readonly kind: 'images';
  readonly shape: readonly number[];
  readonly files: readonly { readonly path: string; readonly class: number }[];
}

/** What one process converts by itself: plain data. */
export type PartSource = TablePart | ImagesPart;

/** What has become of a part. */
export interface PartInfo {
  readonly rows: number;
  /** Rows that were dropped. */
  readonly dropped: number;
  /** Are all targets whole numbers, of a size at which float32 has them all? */
  readonly hasWholeTargets: boolean;
  /** Categories by column, in the order of the numbers that stand for them in this part. */
  readonly categories: Readonly<Record<string, readonly string[]>>;
}

/** The files of a part; that of its info is written last. */
export interface PartFiles {
  readonly inputs: string;
  readonly targets: string;
  readonly info: string;
}

/**
 * Converts a part into files: its inputs, row by row (float32 of tables, bytes of images), its targets as float32, and what is
 * to be known of them.
 * @throws DataError naming the line or file that cannot be converted
 */
export async function convertPart(source: PartSource, files: PartFiles): Promise<void> {
  const { inputs, targets, info } = source.kind === 'table' ? await tablePart(source) : await imagesPart(source);
  await writeDurably(files.inputs, [bytesOf(inputs)]);
  await writeDurably(files.targets, [bytesOf(targets)]);
  await writeDurably(files.info, [Buffer.from(JSON.stringify(info))]);
}

export function readInfo(files: PartFiles): PartInfo {
  return JSON.parse(readFileSync(files.info, 'utf8'));
}

interface Converted {
  readonly inputs: Float32Array | Uint8Array;
  readonly targets: Float32Array;
  readonly info: PartInfo;
}

async function tablePart({ path, piece, schema, missing, like }: TablePart): Promise<Converted> {
  const table = await openTable(path);
  const inputs = new RowEncoder(table, schema.inputs, missing, false, like);
  const targets = new RowEncoder(table, schema.target, missing, true, like);
  let dropped = 0;
  await table.read(piece, (row, place) => {
    if (missing === 'drop' && (inputs.lacks(row) || targets.lacks(row))) {
      dropped++;
      return;
    }
    inputs.add(row, place);
    targets.add(row, place);
  });
  const { values } = targets;
  const info = {
    rows: inputs.rows,
    dropped,
    hasWholeTargets: values.every(isWhole),
    categories: { ...inputs.categories, ...targets.categories },
  };
  return { inputs: inputs.values, targets: values, info };
}

function isWhole(value: number): boolean {
  return Number.isInteger(value) && Math.abs(value) <= 2 ** 24;
}

async function imagesPart({ shape, files }: ImagesPart): Promise<Converted> {
  const width = shape.reduce((size, extent) => size * extent, 1);
  const inputs = new Uint8Array(files.length * width);
  for (const [i, { path }] of files.entries()) inputs.set(await decodeImage(path, shape), i * width);
  const targets = Float32Array.from(files, (file) => file.class);
  return { inputs, targets, info: { rows: files.length, dropped: 0, hasWholeTargets: true, categories: {} } };
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
