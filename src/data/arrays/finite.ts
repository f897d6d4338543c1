import { DataError } from '../../shared/text/errors.js';
import type { Elements } from './dtype.js';

/** The place of the first value that is no finite float32 number. @param isNanFilled is NaN a missing value, for which another stands in? */
export function firstNotFinite(values: Elements, isNanFilled = false): number | undefined {
  if (!(values instanceof Float32Array || values instanceof Float64Array)) return undefined;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    if (Number.isFinite(Math.fround(value)) || (isNanFilled && Number.isNaN(value))) continue;
    return i;
  }
  return undefined;
}

/** @param at place of the value among all of an array */
export function notFinite({ path, rowWidth }: { readonly path: string; readonly rowWidth: number }, at: number, value: number): DataError {
  const column = rowWidth === 1 ? '' : `, column ${at % rowWidth}`;
  return new DataError(
    `${path}, row ${Math.floor(at / rowWidth)}${column}: expected a finite float32 number, got ${value}: mend the file, or leave the row out`,
  );
}
