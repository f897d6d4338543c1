import { DataError, errorMessage } from '../../shared/text/errors.js';

/** @throws DataError if it is no JSON */
export function jsonOf(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DataError(`${path}: is not JSON: ${errorMessage(error)}`);
  }
}

/** The arguments that Keras takes as whole numbers, or lists of them. */
const wholeArguments: ReadonlySet<string> = new Set([
  'units',
  'decay_steps',
  'warmup_steps',
  'boundaries',
  'batch_shape',
  'batch_input_shape',
  'build_input_shape',
  'input_shape',
]);

/** JSON of a config for Python, which reads 0 as an int and 0.0 as a float: all but Keras's whole arguments are written as floats. */
export function pythonJson(value: unknown, isWhole = false): string {
  if (typeof value === 'number') {
    const text = JSON.stringify(value);
    return isWhole || !/^-?\d+$/.test(text) ? text : `${text}.0`;
  }
  if (Array.isArray(value)) return `[${value.map((item) => pythonJson(item, isWhole)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${pythonJson(item, wholeArguments.has(key))}`).join(',')}}`;
}
