import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '../../shared/errors.js';
import { unreadable } from '../../shared/files.js';
import { isUnder } from '../dataRoot.js';
import { shortList } from '../table/schema.js';
import { sorted } from '../table/sorted.js';

/** A folder of images, with a folder a class. */
export interface ImageFolder {
  readonly path: string;
  /** Names of the classes, in the order of their numbers: as numbers where they all are, else as text. */
  readonly classes: readonly string[];
  /** Sorted by their names, whatever their class, and then by class. */
  readonly files: readonly { readonly path: string; readonly class: number }[];
}

/** A folder that others are to be like, and what messages call it. */
export type ImagesLike = Pick<ImageFolder, 'path' | 'classes'>;

const endings = /\.(png|jpe?g)$/i;

/**
 * Lists a folder of images. Its samples come in the order of the files' names, so that neither the last fraction that
 * validates nor the first that is taken is of one class.
 * @param like what has the classes that these must be among
 * @param root images that lead out of this folder, through links, are refused
 * @throws DataError where there are no classes, no images, or a class that `like` lacks
 */
export function listImages(path: string, like?: ImagesLike, root?: string): ImageFolder {
  const found = sorted(entriesOf(path).filter((name) => !name.startsWith('.') && isFolder(join(path, name))));
  if (found.length === 0) throw new DataError(`${path}: expected a folder for each class, with images in it, and there is none`);
  const classes = like?.classes ?? found;
  const unknown = found.find((name) => !classes.includes(name));
  if (unknown !== undefined) {
    throw new DataError(
      `${join(path, unknown)}: expected one of the classes of ${like?.path} (${shortList(classes)}), got ${JSON.stringify(unknown)}`,
    );
  }
  const files = found.flatMap((name) =>
    entriesOf(join(path, name))
      .filter((file) => endings.test(file))
      .map((file) => ({ name: file, path: join(path, name, file), class: classes.indexOf(name) })),
  );
  const outside = root === undefined ? undefined : files.find((file) => !isUnder(root, file.path));
  if (outside) throw new DataError(`${outside.path}: leads out of ${root}, the only folder that this worker opens data in`);
  if (files.length === 0)
    throw new DataError(`${path}: expected PNG or JPEG images in its folders (${shortList(found)}), and there are none`);
  files.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.class - b.class));
  return { path, classes, files: files.map(({ path: file, class: number }) => ({ path: file, class: number })) };
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw unreadable(folder, error);
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
