import { readFileSync } from 'node:fs';
import { bytesOf } from '../../shared/bytesOf.js';
import { writeDurably } from '../../shared/durableFile.js';
import { decodeImage } from '../images/decode.js';
import { type Missing, type Role, RowEncoder } from '../table/encode.js';
import { openTable } from '../table/openTable.js';
import type { Column, TableSchema } from '../table/schema.js';
import type { Piece } from '../table/tableFile.js';

/** Rows of a table that become samples. */
export interface TablePart {
  readonly kind: 'table';
  readonly path: string;
  readonly piece: Piece;
  readonly schema: TableSchema;
  readonly missing: Missing;
  /** Columns of weights and of groups. */
  readonly sampleWeights: Column | undefined;
  readonly groups: Column | undefined;
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
  /** Names of groups, in the same order. */
  readonly groups?: readonly string[] | undefined;
}

/** The files of a part; that of its info is written last, and those of weights and groups where it has some. */
export interface PartFiles {
  readonly inputs: string;
  readonly targets: string;
  readonly sampleWeights: string;
  readonly groups: string;
  readonly info: string;
}

/**
 * Converts a part into files: its inputs, row by row (float32 of tables, bytes of images), its targets, weights and groups as
 * float32, and what is to be known of them.
 * @throws DataError naming the line or file that cannot be converted
 */
export async function convertPart(source: PartSource, files: PartFiles): Promise<void> {
  const { info, ...arrays } = source.kind === 'table' ? await tablePart(source) : await imagesPart(source);
  for (const name of ['inputs', 'targets', 'sampleWeights', 'groups'] as const) {
    const values = arrays[name];
    if (values) await writeDurably(files[name], [bytesOf(values)]);
  }
  await writeDurably(files.info, [Buffer.from(JSON.stringify(info))]);
}

export function readInfo(files: PartFiles): PartInfo {
  return JSON.parse(readFileSync(files.info, 'utf8'));
}

interface Converted {
  readonly inputs: Float32Array | Uint8Array;
  readonly targets: Float32Array;
  readonly sampleWeights?: Float32Array | undefined;
  readonly groups?: Float32Array | undefined;
  readonly info: PartInfo;
}

async function tablePart({ path, piece, schema, missing, like, ...besides }: TablePart): Promise<Converted> {
  const table = await openTable(path);
  const encoderOf = (columns: readonly Column[], role: Role) => new RowEncoder(table, columns, missing, role, like);
  const inputs = encoderOf(schema.inputs, 'input');
  const targets = encoderOf(schema.target, 'target');
  const weights = besides.sampleWeights && encoderOf([besides.sampleWeights], 'weight');
  const groups = besides.groups && encoderOf([besides.groups], 'group');
  const encoders = [inputs, targets, ...(weights ? [weights] : []), ...(groups ? [groups] : [])];
  let dropped = 0;
  await table.read(piece, (row, place) => {
    if (missing === 'drop' && encoders.some((encoder) => encoder.lacks(row))) dropped++;
    else for (const encoder of encoders) encoder.add(row, place);
  });
  const { values } = targets;
  const info = {
    rows: inputs.rows,
    dropped,
    hasWholeTargets: values.every(isWhole),
    categories: { ...inputs.categories, ...targets.categories },
    groups: groups && Object.values(groups.categories)[0],
  };
  return { inputs: inputs.values, targets: values, sampleWeights: weights?.values, groups: groups?.values, info };
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
