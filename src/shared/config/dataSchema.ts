import { z } from 'zod';
import { anyNumber, choice, list, positive, readWith, record, show, suggestion, text, truth, whole } from './fields.js';

const perInput = () => list(anyNumber(), 'a list of numbers, one an input', 1).readonly();

/** How inputs are prepared, once that is known in numbers: by one divisor, or input by input. */
export const preparationSchema = z.union([
  record({ divide: positive().describe('every input is divided by this') }),
  record({
    fill: perInput().optional().describe('what stands in for a missing value'),
    subtract: perInput(),
    divide: perInput(),
  }),
]);

const methods = ['standardize', 'minmax'] as const;

/** A way of preparing inputs whose numbers follow from the training part, or the numbers themselves. */
const normalize = z
  .unknown()
  .transform((value, context): (typeof methods)[number] | Preparation => {
    if (typeof value !== 'object' || value === null) return readWith(choice(methods), value, context, []);
    if ('subtract' in value) return readWith(preparationSchema.options[1], value, context, []);
    return readWith(preparationSchema.options[0], value, context, []);
  })
  .optional();

const oneWeight = () =>
  anyNumber().refine((value) => value >= 0, { error: ({ input }) => `expected a weight of at least 0, got ${show(input)}` });

/** Weights by class; or, to be worked out from the training part, `balanced`. */
const classWeights = z
  .union([choice(['balanced']), z.array(oneWeight()).min(1).readonly(), z.record(z.string(), oneWeight())], {
    error: ({ input }) => `expected balanced, or weights of at least 0 by class as { cat: 1, dog: 2.5 } or [1, 2.5], got ${show(input)}`,
  })
  .optional()
  .describe("what the loss of a class's training samples is multiplied by; balanced: samples / (classes * samples of the class)");

const common = {
  take: whole(1).optional().describe('use only the first N training samples'),
  normalize,
  classWeights,
  stratify: truth().optional().describe('let validationSplit take the last samples of each class, not the last of all'),
};

const sampleWeights = text('a file of weights, one a sample').optional().describe('what the loss of each sample is multiplied by');
const pair = () => record({ x: text('a file of inputs'), y: text('a file of targets'), sampleWeights });
const named = record({ name: choice(['mnist']), take: common.take, classWeights });
const files = record({
  x: text('a file of inputs: IDX, .npy or FILE.npz#NAME'),
  y: text('a file of targets: IDX, .npy or FILE.npz#NAME'),
  sampleWeights,
  groups: text('a file of groups, one a sample').optional().describe('samples of one group are on one side of validationSplit'),
  ...common,
  validation: pair().optional(),
  test: pair().optional(),
});

/** A text as it stands in a table; YAML has numbers and null for some of them. */
const cell = z
  .union([z.string(), z.number(), z.null()], { error: ({ input }) => `expected a text, got ${show(input)}` })
  .transform((value) => String(value ?? ''));

const otherTable = () => record({ table: text('a file of the same columns') });
const table = record({
  table: text('a CSV, JSON lines or Parquet file'),
  target: z.union([text('the name of a column'), list(text('the name of a column'), 'names of columns', 1)], {
    error: ({ input }) => `expected the name of the column to predict, or a list of them, got ${show(input)}`,
  }),
  inputs: list(text('the name of a column'), 'a list of names of columns', 1).optional(),
  columns: z
    .record(z.string(), choice(['number', 'category']), { error: ({ input }) => `expected kinds by name of column, got ${show(input)}` })
    .optional(),
  missing: choice(['refuse', 'mean', 'zero', 'drop']).default('refuse'),
  missingValues: list(cell, 'a list of texts, as ["", NA]').readonly().optional().describe('texts by which a value is missing'),
  decimal: choice([',']).optional().describe('what stands before the decimals of a number, where it is not a point'),
  header: truth().optional().describe('is the first line of a CSV file the names of its columns?'),
  names: list(text('the name of a column'), 'a list of names of columns', 1).readonly().optional(),
  sampleWeights: text('the name of a column').optional(),
  groups: text('the name of a column').optional(),
  ...common,
  validation: otherTable().optional(),
  test: otherTable().optional(),
});

const otherImages = () => record({ images: text('a folder with the same classes') });
const images = record({
  images: text('a folder with a folder of PNG or JPEG files for each class'),
  ...common,
  validation: otherImages().optional(),
  test: otherImages().optional(),
});

/** A data set that comes with a package. */
export type NamedData = z.output<typeof named>;
/** A data set in files of the user's; paths are absolute or relative to the working directory. */
export type FileData = z.output<typeof files>;
/** Inputs, [n, ...sample shape], and targets, [n] or [n, width]: one row a sample. */
export type FilePair = Pick<FileData, 'x' | 'y' | 'sampleWeights'>;
/** What the loss of a class's training samples is multiplied by. */
export type ClassWeights = NonNullable<FileData['classWeights']>;
/** A file of rows, with columns for inputs and target. */
export type TableData = z.output<typeof table>;
/** A folder of images, with a folder a class. */
export type ImagesData = z.output<typeof images>;
/** Where a run's samples come from. */
export type DataSpec = NamedData | FileData | TableData | ImagesData;

/** What is done to the inputs of every sample: x / divide; or, input by input, (x - subtract) / divide, in float32. */
export type Preparation = z.output<typeof preparationSchema>;

/** `mnist`, `{ name: mnist, take: 2500 }`, `{ x: x.npy, y: y.npy }`, `{ table: t.csv, target: NAME }` or `{ images: FOLDER }`. */
export const dataSchema = z.unknown().transform((value, context): DataSpec => {
  if (typeof value === 'string') {
    if (value === 'mnist') return { name: value };
    const message = `expected mnist, or files as { x: FILE, y: FILE }, { table: FILE, target: COLUMN } or { images: FOLDER }, got ${show(value)}${suggestion(value, ['mnist'])}`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  }
  if (typeof value === 'object' && value !== null) {
    if ('name' in value) return readWith(named, value, context, []);
    if ('table' in value) return readWith(table, value, context, []);
    if ('images' in value) return readWith(images, value, context, []);
  }
  return readWith(files, value, context, []);
});

/** The same data to judge a model by: without how they would be split, and without weights that are for training samples only. */
export function withoutTraining(spec: DataSpec): DataSpec {
  if ('name' in spec) return { ...spec, classWeights: undefined };
  if ('images' in spec) return { ...spec, stratify: undefined, classWeights: undefined };
  return { ...spec, groups: undefined, stratify: undefined, classWeights: undefined };
}

/** The same data with other paths to its files and folders. */
export function mapPaths(spec: DataSpec, map: (path: string) => string): DataSpec {
  if ('name' in spec) return spec;
  if ('table' in spec) {
    const one = <T extends { table: string }>(part: T): T => ({ ...part, table: map(part.table) });
    return { ...one(spec), validation: spec.validation && one(spec.validation), test: spec.test && one(spec.test) };
  }
  if ('images' in spec) {
    const one = <T extends { images: string }>(part: T): T => ({ ...part, images: map(part.images) });
    return { ...one(spec), validation: spec.validation && one(spec.validation), test: spec.test && one(spec.test) };
  }
  const optional = (path: string | undefined): string | undefined => (path === undefined ? undefined : map(path));
  const one = <T extends FilePair>(part: T): T => ({
    ...part,
    ...{ x: map(part.x), y: map(part.y), sampleWeights: optional(part.sampleWeights) },
  });
  return {
    ...one(spec),
    groups: optional(spec.groups),
    validation: spec.validation && one(spec.validation),
    test: spec.test && one(spec.test),
  };
}
