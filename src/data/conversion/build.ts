import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { FilePair, TableData } from '../../shared/config/dataSchema.js';
import { unreadable } from '../../shared/files/readFile.js';
import { shortHash } from '../../shared/files/shortHash.js';
import { usableCores } from '../../shared/system/controlGroup.js';
import { DataError } from '../../shared/text/errors.js';
import { alone } from '../cache/lock.js';
import type { CachePlace } from '../cache/place.js';
import { readImage } from '../images/decode.js';
import { type ImageFolder, type ImagesLike, listImages } from '../images/folder.js';
import type { Missing } from '../table/encode.js';
import { openTable } from '../table/openTable.js';
import { schemaOf, shortList, type TableSchema } from '../table/tableSchema.js';
import { assembleImages, assembleTable, knownSchema, notesOn } from './assemble.js';
import { convertPart, type PartFiles, type PartSource, readInfo } from './part.js';
import { convertAll } from './pool.js';

/** Goes with every cache; another one means that it is converted anew. */
const cacheVersion = 2;

/** Images that are converted at once. */
const partImages = 512;

/** A data set that has been converted to arrays whose rows can be read by their numbers. */
export interface Converted extends FilePair {
  readonly groups: string | undefined;
  /** Names of the classes that targets are numbers of, where they have names. */
  readonly classes: readonly string[] | undefined;
  /** How rows became samples, where they did. */
  readonly schema: TableSchema | undefined;
}

/** How one source is converted. */
interface Conversion {
  readonly source: string;
  /** All that the result depends on. */
  readonly key: unknown;
  readonly parts: readonly PartSource[];
  /** Puts the parts together in a folder. */
  readonly assemble: (folder: string, parts: readonly PartFiles[]) => Promise<Found>;
}

/** What was found in a source. */
interface Found extends Pick<Converted, 'classes' | 'schema'> {
  /** What a person should know of it, at each start. */
  readonly notes: readonly string[];
}

/** A table that others are to be like, and what messages call it. */
export interface TableLike {
  readonly path: string;
  readonly schema: TableSchema;
}

/** What a table is to become. */
export interface TableRequest extends Pick<TableData, 'missingValues' | 'decimal' | 'header' | 'names'> {
  readonly path: string;
  readonly target: string | readonly string[];
  readonly inputs?: readonly string[] | undefined;
  readonly columns?: Readonly<Record<string, 'number' | 'category'>> | undefined;
  readonly missing: Missing;
  /** Columns of weights and of groups; those that it lacks, where it has to be like another, are left out. */
  readonly sampleWeights?: string | undefined;
  readonly groups?: string | undefined;
  /** A table whose columns and categories these must be, such as that of the training samples. */
  readonly like?: TableLike | undefined;
}

/**
 * Converts a table, unless that has been done before.
 * @throws DataError naming the line that cannot be converted
 */
export async function convertTable(request: TableRequest, place: CachePlace): Promise<Converted> {
  const { path, missing, like } = request;
  const { target, inputs, columns, groups, missingValues, decimal, header, names } = request;
  const reading = { header, names };
  const table = await openTable(path, reading);
  const isThere = request.sampleWeights !== undefined && (!like || table.columns.includes(request.sampleWeights));
  const sampleWeights = isThere ? request.sampleWeights : undefined;
  const { schema: told, notes } = await schemaOf(table, {
    ...{ target: typeof target === 'string' ? target : [...target], inputs: inputs && [...inputs], columns, sampleWeights, groups },
    ...{ missingValues, decimal, header, names },
  });
  if (!like) for (const note of notes) place.say?.(note);
  const besides = {
    sampleWeights: sampleWeights === undefined ? undefined : ({ name: sampleWeights, kind: 'number' } as const),
    groups: groups === undefined ? undefined : ({ name: groups, kind: 'category' } as const),
  };
  const schema = like?.schema ?? told;
  const lacking = [...schema.inputs, ...schema.target].map(({ name }) => name).filter((name) => !table.columns.includes(name));
  if (lacking.length > 0)
    throw new DataError(
      `${path}: expected the columns of ${like?.path}, and ${shortList(lacking)} ${lacking.length === 1 ? 'is' : 'are'} not there`,
    );
  // What stands in for missing values is chosen when they are read.
  const kept = missing === 'mean' ? 'zero' : missing;
  return convert(
    {
      source: path,
      key: {
        ...{ target, inputs, columns, sampleWeights, groups, missing: kept, path: resolve(path), ...stamp(path), like: like?.schema },
        ...{ missingValues, decimal, header, names },
      },
      parts: table.pieces.map((piece) => ({
        ...{ kind: 'table', path, piece, reading, schema, ...besides, missing: kept, like: like?.path ?? path },
      })),
      async assemble(folder, parts) {
        const infos = parts.map(readInfo);
        const known = knownSchema(path, schema, infos);
        await assembleTable(folder, parts, known, besides);
        const [only] = known.target;
        const classes = known.target.length === 1 && only?.kind === 'category' ? only.categories : undefined;
        return { schema: known, classes, notes: notesOn(path, known, infos) };
      },
    },
    place,
  );
}

/** Converts a folder of images, unless that has been done before. @throws DataError naming the file that cannot be */
export async function convertImages(
  path: string,
  like: ImagesLike | undefined,
  place: CachePlace,
): Promise<Converted & { readonly listed: ImageFolder }> {
  const listed = listImages(path, like, place.root);
  const [first] = listed.files;
  const shape = first ? (await readImage(first.path)).shape : [];
  const { files, classes, notes } = listed;
  for (const note of notes) place.say?.(note);
  const starts = Array.from({ length: Math.ceil(files.length / partImages) }, (_, i) => i * partImages);
  const converted = await convert(
    {
      source: path,
      key: { path: resolve(path), classes, files: files.map((file) => ({ ...file, ...stamp(file.path) })) },
      parts: starts.map((start) => ({ kind: 'images', shape, files: files.slice(start, start + partImages) })),
      async assemble(folder, parts) {
        await assembleImages(folder, parts, shape);
        return { classes, schema: undefined, notes: [] };
      },
    },
    place,
  );
  return { ...converted, listed };
}

/** What tells that a file is another one, without reading it. */
function stamp(path: string): Stamp {
  try {
    const { size, mtimeMs } = statSync(path);
    return { size, modified: mtimeMs };
  } catch (error) {
    throw unreadable(path, error);
  }
}

interface Stamp {
  readonly size: number;
  readonly modified: number;
}

async function convert(conversion: Conversion, place: CachePlace): Promise<Converted> {
  const name = shortHash([JSON.stringify(conversion.key)]);
  const known = place.folders.map((folder) => join(folder, name)).find((folder) => readDescription(folder) !== undefined);
  const folder = known ?? join(place.folders[0] ?? '.', name);
  if (known === undefined) await build(conversion, folder, place);
  const { classes, schema, notes = [] } = readDescription(folder) ?? {};
  for (const note of notes) place.say?.(note);
  const [x = '', y = '', sampleWeights, groups] = ['inputs', 'targets', 'sampleWeights', 'groups'].map((array) => {
    const path = join(folder, `${array}.npy`);
    return existsSync(path) ? path : undefined;
  });
  return { x, y, sampleWeights, groups, classes, schema };
}

interface Description extends Found, Stamp {
  readonly version: number;
  /** What was converted. */
  readonly source: string;
}

/** Undefined where there is no cache, one of another version, or one that is not whole. */
function readDescription(folder: string): Description | undefined {
  const [path, ...arrays] = ['cache.json', 'inputs.npy', 'targets.npy'].map((name) => join(folder, name));
  if (path === undefined || ![path, ...arrays].every((file) => existsSync(file))) return undefined;
  try {
    const description: Description = JSON.parse(readFileSync(path, 'utf8'));
    return description.version === cacheVersion ? description : undefined;
  } catch {
    return undefined;
  }
}

/** Parts that were converted before an interruption are not converted again. */
async function build({ source, parts, assemble }: Conversion, folder: string, { onProgress, say, signal }: CachePlace): Promise<void> {
  mkdirSync(join(folder, '..'), { recursive: true });
  await alone(
    `${folder}.lock`,
    () => readDescription(folder) !== undefined,
    async () => {
      if (existsSync(folder)) {
        say?.(`${folder}: was made by another version, or is not whole: ${source} is converted anew`);
        rmSync(folder, { recursive: true });
      }
      const building = `${folder}.building-${cacheVersion}`;
      mkdirSync(building, { recursive: true });
      try {
        const files = await convertParts(source, parts, building, onProgress);
        const found = await assemble(building, files);
        for (const file of files.flatMap((part) => Object.values(part))) rmSync(file, { force: true });
        const description: Description = { version: cacheVersion, source: resolve(source), ...stamp(source), ...found };
        writeFileSync(join(building, 'cache.json'), `${JSON.stringify(description)}\n`, { flush: true });
        renameSync(building, folder);
        removeOutdated(join(folder, '..'), description);
      } catch (error) {
        // A file that is mended is another one; of one that is not, nothing can be used.
        if (error instanceof DataError) rmSync(building, { recursive: true, force: true });
        throw error;
      }
    },
    { what: `converts ${source}`, say, signal },
  );
}

/** Caches of the same source as it was before are of no use any more. */
function removeOutdated(folder: string, { source, size, modified }: Description): void {
  for (const name of readdirSync(folder)) {
    const other = readDescription(join(folder, name));
    const isOld = other?.source === source && (other.size !== size || other.modified !== modified);
    if (isOld) rmSync(join(folder, name), { recursive: true, force: true });
  }
}

async function convertParts(
  source: string,
  parts: readonly PartSource[],
  folder: string,
  onProgress: CachePlace['onProgress'],
): Promise<PartFiles[]> {
  const all = parts.map((part, i) => ({ source: part, files: partFiles(folder, i) }));
  const tasks = all.filter(({ files }) => !existsSync(files.info));
  let done = all.length - tasks.length;
  onProgress?.(source, done, all.length);
  const onDone = (): void => onProgress?.(source, ++done, all.length);
  // A process of its own takes longer to start than to convert one part.
  if (all.length > 1) await convertAll(tasks, usableCores(), onDone);
  else for (const task of tasks) await convertPart(task.source, task.files).then(onDone);
  return all.map(({ files }) => files);
}

function partFiles(folder: string, index: number): PartFiles {
  const base = join(folder, `part-${String(index).padStart(6, '0')}`);
  return {
    ...{ inputs: `${base}.inputs`, targets: `${base}.targets`, sampleWeights: `${base}.weights`, groups: `${base}.groups` },
    info: `${base}.json`,
  };
}
