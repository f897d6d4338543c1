import { readFile } from 'node:fs/promises';
import { fileSize, unreadable } from '../../shared/files/readFile.js';
import { DataError, errorMessage } from '../../shared/text/errors.js';

/** Bytes that a picture may unpack to. */
const mostPixels = 2 ** 26;

/** A picture: bytes row by row, grey values or red, green and blue. */
export interface Picture {
  /** [height, width], or [height, width, 3] of one with colours. */
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/**
 * Reads a PNG or JPEG file's pixels. A transparent one is laid on black.
 * @param what names it in messages
 * @param check refuses a shape, by throwing, before pixels are decoded: a small file may hold a huge picture
 * @throws DataError where it is none, or damaged
 */
export async function readPicture(
  data: Buffer,
  what: string,
  check: (shape: Picture['shape']) => void = () => undefined,
): Promise<Picture> {
  const { default: sharp } = await import('sharp');
  try {
    const image = sharp(data, { failOn: 'error', limitInputPixels: mostPixels });
    const { format, width, height, channels = 3, space, hasAlpha } = await image.metadata();
    if (format !== 'png' && format !== 'jpeg') throw new DataError(`${what}: expected a PNG or JPEG image, got ${format}`);
    const isGrey = channels - (hasAlpha ? 1 : 0) === 1 || space === 'b-w';
    check(isGrey ? [height, width] : [height, width, 3]);
    const flat = hasAlpha ? image.flatten({ background: '#000' }) : image;
    const { data: bytes, info } = await flat
      .toColourspace(isGrey ? 'b-w' : 'srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    return { shape: isGrey ? [info.height, info.width] : [info.height, info.width, info.channels], bytes };
  } catch (error) {
    throw error instanceof DataError
      ? error
      : new DataError(`${what}: cannot be read as a PNG or JPEG image: ${errorMessage(error).split('\n')[0]}`);
  }
}

/** The pixels of a file that must be of some shape. */
export async function decodeImage(path: string, shape: readonly number[]): Promise<Uint8Array> {
  const picture = await readImage(path, (found) => {
    const [expected, got] = [shape, found].map(describe);
    if (expected !== got) throw new DataError(`${path}: expected an image of ${expected}, as the first one, got one of ${got}`);
  });
  return picture.bytes;
}

/** As `readPicture`, of a file. */
export async function readImage(path: string, check?: (shape: Picture['shape']) => void): Promise<Picture> {
  let data: Buffer;
  try {
    fileSize(path);
    data = await readFile(path);
  } catch (error) {
    throw unreadable(path, error);
  }
  return readPicture(data, path, check);
}

/** `28 x 28 pixels, grey`. */
function describe([height, width, channels]: readonly number[]): string {
  return `${height} x ${width} pixels, ${channels === undefined ? 'grey' : 'in colours'}`;
}
