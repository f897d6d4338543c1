import type { DataSpec, FileData, FilePair, ImagesData, TableData } from '../shared/config/dataSchema.js';
import { fileSize } from '../shared/files/readFile.js';
import { plainArray } from './arrays/plainArray.js';
import type { CachePlace } from './cache/place.js';
import { type Converted, convertImages, convertTable, type TableLike } from './conversion/build.js';
import type { Fit } from './fit.js';
import type { ImagesLike } from './images/folder.js';
import { mnistFiles } from './mnist.js';
import { withLocalCopies } from './remote/localCopies.js';
import type { ArrayData, ArrayPair } from './samples/arrayDataset.js';
import { type TableSchema, widthOf } from './table/tableSchema.js';

/** What goes with a model, so that others may be asked in the same words. */
export interface DataNames {
  /** Names of the classes that targets are numbers of, where they have names. */
  readonly classes: readonly string[] | undefined;
  /** How rows of a table become samples. */
  readonly schema: TableSchema | undefined;
}

/** What data must be like that a model is asked of. */
export interface Likeness {
  readonly table?: TableLike | undefined;
  readonly images?: ImagesLike | undefined;
}

interface ConvertedSpec extends DataNames, Pick<Fit, 'missing'> {
  /** Undefined where all inputs are numbers of the data. */
  readonly isFixed: Fit['isFixed'] | undefined;
  readonly arrays: ArrayData;
}

const unnamed = { classes: undefined, schema: undefined, missing: undefined, isFixed: undefined };

/**
 * Turns whatever holds a run's samples into arrays.
 * @param like what columns, categories and classes must be those of
 * @throws DataError naming what cannot be converted
 */
export async function convertSpec(given: DataSpec, place: CachePlace, like: Likeness = {}): Promise<ConvertedSpec> {
  const spec = await withLocalCopies(given, place);
  if ('name' in spec) return { ...unnamed, arrays: { ...mnistFiles(spec.take), classWeights: spec.classWeights } };
  if ('table' in spec) return tables(spec, place, like.table);
  if ('images' in spec) return images(spec, place, like.images);
  return { ...unnamed, arrays: await arrays(spec, place) };
}

async function arrays(spec: FileData, place: CachePlace): Promise<ArrayData> {
  const optional = (path: string | undefined) => (path === undefined ? undefined : plainArray(path, place));
  const pair = async ({ x, y, sampleWeights }: FilePair): Promise<ArrayPair> => ({
    x: await plainArray(x, place),
    y: await plainArray(y, place),
    sampleWeights: await optional(sampleWeights),
  });
  const { validation, test } = spec;
  return {
    ...spec,
    ...(await pair(spec)),
    groups: await optional(spec.groups),
    validation: validation && (await pair(validation)),
    test: test && (await pair(test)),
  };
}

async function tables(
  {
    table,
    validation,
    test,
    target,
    inputs,
    columns,
    missing,
    sampleWeights,
    groups,
    missingValues,
    decimal,
    header,
    names,
    ...rest
  }: TableData,
  place: CachePlace,
  given: TableLike | undefined,
): Promise<ConvertedSpec> {
  const request = { target, inputs, columns, missing, sampleWeights, missingValues, decimal, header, names };
  const converted = await convertTable({ ...request, groups, path: table, like: given }, place);
  const column = `column ${[target].flat().join(', ')}`;
  const { schema, classes } = converted;
  const like = given ?? (schema && { path: table, schema });
  const others = async (other: { readonly table: string } | undefined) =>
    other && arraysIn(await convertTable({ ...request, path: other.table, like }, place), other.table, column);
  const fixed = (schema?.inputs ?? []).flatMap((column) => new Array<boolean>(widthOf(column)).fill(column.kind === 'category'));
  return {
    arrays: { ...rest, ...arraysIn(converted, table, column), validation: await others(validation), test: await others(test) },
    ...{ classes, schema },
    missing: missing === 'mean' || missing === 'zero' ? missing : undefined,
    isFixed: fixed.includes(true) ? (input) => fixed[input] ?? false : undefined,
  };
}

/** Arrays that messages call by what they were made of. */
function arraysIn(
  { x, y, sampleWeights, groups }: Converted,
  source: string,
  target: string,
): Pick<ArrayData, 'x' | 'y' | 'sampleWeights' | 'groups'> {
  const called = (path: string, name: string) => ({ path, at: 0, bytes: fileSize(path), name });
  return { x: called(x, source), y: called(y, `${source}, ${target}`), sampleWeights, groups };
}

async function images(
  { images: folder, validation, test, ...rest }: ImagesData,
  place: CachePlace,
  given: ImagesLike | undefined,
): Promise<ConvertedSpec> {
  const { x, y, classes, listed } = await convertImages(folder, given, place);
  const others = async (other: { readonly images: string } | undefined) => other && convertImages(other.images, given ?? listed, place);
  return { ...unnamed, arrays: { ...rest, x, y, validation: await others(validation), test: await others(test) }, classes };
}
