import { DataError, errorMessage } from '../../shared/errors.js';

/** @throws DataError if it is no JSON */
export function jsonOf(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DataError(`${path}: is not JSON: ${errorMessage(error)}`);
  }
}
