import { resolve } from 'node:path';
import type { Dataset, File, Group } from 'h5wasm/node';
import { DataError, errorMessage } from '../../shared/text/errors.js';

export type { Dataset, File, Group };

type Library = typeof import('h5wasm/node').default;

let library: Promise<Library> | undefined;

/** The part of Emscripten's file system that opens files for the library. */
interface LibraryFiles {
  open(path: string, ...rest: readonly unknown[]): unknown;
  readonly ErrnoError: new (errno: number) => Error;
}

/** EACCES of WASI. */
const noAccess = 2;

/** The one file that the library may open now, and the others that it was made to try. */
let allowed: string | undefined;
let refused: string[] = [];

/**
 * The HDF5 library, whose errors throw instead of being printed. A file may name others as the place of its values (external
 * storage, external links, virtual datasets): the library may open none of them, or a model would read any file of its user.
 */
async function open(): Promise<Library> {
  const { default: found } = await import('h5wasm/node');
  const module = await found.ready;
  module.activate_throwing_error_handler();
  // Its declarations leave the file system out.
  const files = (module as unknown as { readonly FS: LibraryFiles }).FS;
  const openFile = files.open;
  files.open = (path, ...rest) => {
    if (resolve(path) === allowed) return openFile(path, ...rest);
    refused.push(path);
    throw new files.ErrnoError(noAccess);
  };
  return found;
}

/** Has the library work on one file. @throws DataError if that names other files */
function only<T>(path: string, what: string, work: () => T): T {
  allowed = resolve(path);
  refused = [];
  let outcome: { readonly value: T } | { readonly error: unknown };
  try {
    outcome = { value: work() };
  } catch (error) {
    outcome = { error };
  }
  allowed = undefined;
  const [other] = refused;
  // Also where the library has put zeros in the place of what it could not read.
  if (other !== undefined)
    throw new DataError(`${what}: its values are in another file (${other}), which is not opened: save the model as one file`);
  if ('error' in outcome) throw outcome.error;
  return outcome.value;
}

/**
 * Opens an HDF5 file to read it.
 * @param what to call the file in messages
 * @throws DataError if it is none, or damaged, also where `read` comes upon that
 */
export async function readHdf5<T>(path: string, what: string, read: (file: File) => T): Promise<T> {
  library ??= open();
  const { File } = await library;
  return only(path, what, () => {
    let file: File | undefined;
    try {
      file = new File(path, 'r');
      return read(file);
    } catch (error) {
      throw error instanceof DataError ? error : new DataError(`${what}: cannot be read as HDF5: ${reason(error)}`);
    } finally {
      file?.close();
    }
  });
}

/** Writes a new HDF5 file. */
export async function writeHdf5(path: string, write: (file: File) => void): Promise<void> {
  library ??= open();
  const { File } = await library;
  only(path, path, () => {
    const file = new File(path, 'w');
    try {
      write(file);
    } finally {
      file.close();
    }
  });
}

/** A string attribute; undefined where there is none. */
export function textAttribute(of: Group, name: string): string | undefined {
  const value = of.attrs[name]?.value;
  return typeof value === 'string' ? value : undefined;
}

/** An attribute that lists names; Keras splits long ones into NAME0, NAME1 and so on, and writes an empty one as floats. */
export function namesAttribute(of: Group, name: string): string[] {
  const { attrs } = of;
  const parts = name in attrs ? [name] : Object.keys(attrs).filter((key) => key.startsWith(name) && /^\d+$/.test(key.slice(name.length)));
  return parts
    .sort((a, b) => Number(a.slice(name.length)) - Number(b.slice(name.length)))
    .flatMap((key) => {
      const value = attrs[key]?.value;
      return Array.isArray(value) ? value.map(String) : typeof value === 'string' ? [value] : [];
    });
}

/** Bytes that Keras puts into one attribute at most: HDF5 takes no more than 64 KiB. */
const mostBytes = 64_512;

/** Writes such an attribute. */
export function writeNames(of: Group, name: string, names: readonly string[]): void {
  if (names.length === 0) {
    of.create_attribute(name, new Float64Array(0), [0]);
    return;
  }
  // Fixed-length strings, all as long as the longest.
  const width = Math.max(...names.map((text) => Buffer.byteLength(text)));
  const size = Math.max(1, Math.floor(mostBytes / width));
  if (names.length <= size) of.create_attribute(name, [...names]);
  else for (let i = 0; i * size < names.length; i++) of.create_attribute(`${name}${i}`, names.slice(i * size, (i + 1) * size));
}

/** Writes float32 values. */
export function writeFloats(into: Group, name: string, values: Float32Array, shape: readonly number[]): void {
  into.create_dataset({ name, data: values, shape: [...shape] });
}

/** The group below another, by names that slashes part; made where it is missing. */
export function groupAt(root: Group, names: readonly string[]): Group {
  let group = root;
  for (const name of names) {
    const found = group.get(name);
    group = isGroup(found) ? found : group.create_group(name);
  }
  return group;
}

/** The dataset at a path. @throws DataError where there is none, or it is not of float32 values of this shape */
export function floatsAt(root: Group, path: string, shape: readonly number[], what: string): Float32Array {
  const found = root.get(path);
  if (!isDataset(found)) throw new DataError(`${what}: expected weights ${path}, and there are none`);
  const value = shape.length === 0 && typeof found.value === 'number' ? Float32Array.of(found.value) : found.value;
  const [expected, got] = [shape, found.shape ?? []].map((extents) => `[${extents.join(', ')}]`);
  if (!(value instanceof Float32Array) || expected !== got) {
    const type = value instanceof Float32Array ? 'float32' : `type ${String(found.dtype)}`;
    throw new DataError(`${what}: weights ${path}: expected float32 ${expected}, got ${type} ${got}`);
  }
  return value;
}

export function isGroup(entity: unknown): entity is Group {
  return typeof entity === 'object' && entity !== null && 'type' in entity && entity.type === 'Group';
}

function isDataset(entity: unknown): entity is Dataset {
  return typeof entity === 'object' && entity !== null && 'type' in entity && entity.type === 'Dataset';
}

/** HDF5 tells its whole stack of calls; the last one says what was wrong. */
function reason(error: unknown): string {
  const text = errorMessage(error);
  return [...text.matchAll(/#\d+: .*\(\): (.*)/g)].at(-1)?.[1] ?? text.split('\n')[0] ?? text;
}
