import { type Dirent, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { unreadable } from '../../shared/files/readFile.js';
import { DataError } from '../../shared/text/errors.js';
import { isUnder } from '../dataRoot.js';
import { sorted } from '../table/sorted.js';
import { shortList } from '../table/tableSchema.js';

/** A folder of images, with a folder a class. */
export interface ImageFolder {
  readonly path: string;
  /** Names of the classes, in the order of their numbers: as numbers where they all are, else as text. */
  readonly classes: readonly string[];
  /** Sorted by their names, whatever their class, and then by class. */
  readonly files: readonly { readonly path: string; readonly class: number }[];
  /** What a person should know of it. */
  readonly notes: readonly string[];
}

/** A folder that others are to be like, and what messages call it. */
export type ImagesLike = Pick<ImageFolder, 'path' | 'classes'>;

const endings = /\.(png|jpe?g)$/i;

/**
 * Lists a folder of images. Its samples come in the order of the files' names, so that neither the last fraction that
 * validates nor the first that is taken is of one class. What systems and archives leave beside images is left out.
 * @param like what has the classes that these must be among
 * @param root images that lead out of this folder, through links, are refused
 * @throws DataError where there are no classes, no images, or a class that `like` lacks
 */
export function listImages(path: string, like?: ImagesLike, root?: string): ImageFolder {
  const folders = sorted(entriesOf(path).flatMap((entry) => (isFolder(path, entry) ? [entry.name] : [])));
  const listed = folders.filter((name) => !isLeftOver(name)).map((name) => ({ name, ...picturesIn(join(path, name)) }));
  if (listed.length === 0) throw new DataError(`${path}: expected a folder for each class, with images in it, and there is none`);
  const found = listed.filter(({ pictures }) => pictures.length > 0).map(({ name }) => name);
  if (found.length === 0) {
    const names = shortList(listed.map(({ name }) => name));
    throw new DataError(`${path}: expected PNG or JPEG images in its folders (${names}), and there are none`);
  }
  const classes = like?.classes ?? found;
  const unknown = found.find((name) => !classes.includes(name));
  if (unknown !== undefined) {
    throw new DataError(
      `${join(path, unknown)}: expected one of the classes of ${like?.path} (${shortList(classes)}), got ${JSON.stringify(unknown)}`,
    );
  }
  const files = listed.flatMap(({ name, pictures }) =>
    pictures.map((file) => ({ name: file, path: join(path, name, file), class: classes.indexOf(name) })),
  );
  const outside = root === undefined ? undefined : files.find((file) => !isUnder(root, file.path));
  if (outside) throw new DataError(`${outside.path}: leads out of ${root}, the only folder that this worker opens data in`);
  files.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.class - b.class));
  const notes = [
    ...listed.filter(({ pictures }) => pictures.length === 0).map(({ name }) => `${join(path, name)}: has no images, and is no class`),
    ...folders.filter((name) => name === macFolder).map((name) => `${join(path, name)}: is left out, as what macOS adds to an archive`),
    ...listed.flatMap(({ name, leftOut }) => leftOut.map((file) => `${join(path, name, file)}: is no image, and is left out`)),
  ];
  return {
    path,
    classes,
    files: files.map(({ path: file, class: number }) => ({ path: file, class: number })),
    notes: fewNotes(path, notes),
  };
}

const macFolder = '__MACOSX';

/** Entries of a class's folder that are called like images: those that are, and those that cannot be. */
function picturesIn(folder: string): { readonly pictures: readonly string[]; readonly leftOut: readonly string[] } {
  const called = entriesOf(folder).filter(({ name }) => endings.test(name));
  const isPicture = (entry: Dirent): boolean => !isLeftOver(entry.name) && !isFolder(folder, entry);
  const names = (entries: readonly Dirent[]): string[] => entries.map(({ name }) => name);
  return { pictures: names(called.filter(isPicture)), leftOut: names(called.filter((entry) => !isPicture(entry))) };
}

const mostNotes = 3;

/** A folder may have as many of them as images. */
function fewNotes(path: string, notes: readonly string[]): string[] {
  if (notes.length <= mostNotes) return [...notes];
  return [...notes.slice(0, mostNotes), `${path}: so are ${notes.length - mostNotes} more`];
}

/** What begins with a dot, as `._1.png` of macOS, and the folder of such in its archives. */
function isLeftOver(name: string): boolean {
  return name.startsWith('.') || name === macFolder;
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    throw unreadable(folder, error);
  }
}

function isFolder(folder: string, entry: Dirent): boolean {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  return statSync(join(folder, entry.name), { throwIfNoEntry: false })?.isDirectory() ?? false;
}
