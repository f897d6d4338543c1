import { readFileSync } from 'node:fs';
import { writeDurably } from '../../shared/files/durableFile.js';
import { bytesOf } from '../../shared/numbers/bytesOf.js';
import { decodeImage } from '../images/decode.js';
import { type Missing, type Role, RowEncoder, slotsOf } from '../table/encode.js';
import { type ColumnFigures, figuresOf } from '../table/figures.js';
import { openTable } from '../table/openTable.js';
import type { Piece, TableReading } from '../table/tableFile.js';
import type { Column, TableSchema } from '../table/tableSchema.js';

/** Rows of a table that become samples. */
export interface TablePart {
  readonly kind: 'table';
  readonly path: string;
  readonly piece: Piece;
  readonly reading: TableReading;
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
  /** Of each column of numbers, by its name. */
  readonly figures: Readonly<Record<string, ColumnFigures>>;
  /** How missing values of categories are written, and how often, by column. */
  readonly missingTexts: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Blank lines that were passed over. */
  readonly blankLines: number;
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
 * Converts a part into files: its inputs, row by row (float64 of tables, bytes of images), its targets, weights and groups as
 * float64, and what is to be known of them.
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
  readonly inputs: Float64Array | Uint8Array;
  readonly targets: Float64Array;
  readonly sampleWeights?: Float64Array | undefined;
  readonly groups?: Float64Array | undefined;
  readonly info: PartInfo;
}

async function tablePart({ path, piece, reading, schema, missing, like, ...besides }: TablePart): Promise<Converted> {
  const table = await openTable(path, reading);
  const encoderOf = (columns: readonly Column[], role: Role) => new RowEncoder(table, columns, missing, role, like);
  const inputs = encoderOf(schema.inputs, 'input');
  const targets = encoderOf(schema.target, 'target');
  const weights = besides.sampleWeights && encoderOf([besides.sampleWeights], 'weight');
  const groups = besides.groups && encoderOf([besides.groups], 'group');
  const encoders = [inputs, targets, ...(weights ? [weights] : []), ...(groups ? [groups] : [])];
  let dropped = 0;
  const blankLines = await table.read(piece, (row, place) => {
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
    figures: { ...columnFigures(inputs), ...columnFigures(targets) },
    missingTexts: Object.fromEntries([...inputs.missingTexts].map(([name, counts]) => [name, Object.fromEntries(counts)])),
    blankLines,
  };
  return { inputs: inputs.values, targets: values, sampleWeights: weights?.values, groups: groups?.values, info };
}

function columnFigures({ columns, values, width }: RowEncoder): Record<string, ColumnFigures> {
  let slot = 0;
  const places = columns.map((column) => {
    const place = slot;
    slot += slotsOf(column);
    return { column, place };
  });
  const numbers = places.filter(({ column }) => column.kind === 'number');
  const figures = figuresOf(
    values,
    width,
    numbers.map(({ place }) => place),
  );
  return Object.fromEntries(numbers.map(({ column }, i) => [column.name, figures[i] as ColumnFigures]));
}

function isWhole(value: number): boolean {
  return Number.isInteger(value) && Math.abs(value) <= 2 ** 24;
}

async function imagesPart({ shape, files }: ImagesPart): Promise<Converted> {
  const width = shape.reduce((size, extent) => size * extent, 1);
  const inputs = new Uint8Array(files.length * width);
  for (const [i, { path }] of files.entries()) inputs.set(await decodeImage(path, shape), i * width);
  const targets = Float64Array.from(files, (file) => file.class);
  const none = { figures: {}, missingTexts: {}, blankLines: 0, dropped: 0, categories: {} };
  return { inputs, targets, info: { rows: files.length, hasWholeTargets: true, ...none } };
}
