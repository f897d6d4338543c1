import { printableLine } from './printable.js';

/** The caller asked for something that cannot be: a wrong flag, key, file or address. Exit code 2. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError';
}

/** One thing wrong with a config: where, what was expected, what was got. */
export interface Problem {
  /** Dotted path of the key, e.g. `model.layers[1].dense.units`. */
  readonly path: string;
  readonly message: string;
}

/** A config with problems; all of them are in the message. Exit code 2. */
export class ConfigError extends UsageError {
  override readonly name = 'ConfigError';
  constructor(
    readonly source: string,
    readonly problems: readonly Problem[],
  ) {
    const lines = problems.map(({ path, message }) => `  ${path === '' ? '' : `${printableLine(path)}: `}${printableLine(message)}`);
    super(`${source}: ${problems.length === 1 ? 'one problem' : `${problems.length} problems`}\n${lines.join('\n')}`);
  }
}

/** A run to go on with has reached its end already: nothing is left to do, which is no failure of a command (exit code 0). */
export class RunIsOver extends UsageError {
  override readonly name = 'RunIsOver';
}

/** A file of data is not what it should be: short, of another format, or with values the loss cannot take. One line, whatever the file holds. Exit code 1. */
export class DataError extends Error {
  override readonly name: string = 'DataError';
  constructor(message: string, options?: ErrorOptions) {
    super(printableLine(message), options);
  }
}

/** A file of data is not there. */
export class MissingFile extends DataError {}

/** A run that cannot go on, through no fault of the command line. Exit code 1. */
export class RunError extends Error {
  override readonly name: string = 'RunError';
}

/** A message that is not one of the protocol's, or not at this moment. One line, whatever the other side sent. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  constructor(message: string, options?: ErrorOptions) {
    super(printableLine(message), options);
  }
}

/** A run stopped on request, after a checkpoint. Exit code 130. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** What a signal has cut off is no failure. @throws Interrupted where it has aborted, else as the work does */
export async function orInterrupted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw signal?.aborted ? new Interrupted('stopped before it began') : error;
  }
}

/** The `code` of a Node.js or ZeroMQ error, such as `ENOENT`, or an empty string. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** What went wrong, as one line for a person. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
