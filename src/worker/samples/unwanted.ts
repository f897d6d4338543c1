import type { FromWorker } from '../../shared/protocol/protocol.js';
import { DataError, errorMessage, Interrupted } from '../../shared/text/errors.js';
import { LinkLost } from '../connection/linkErrors.js';
import { NoLongerWanted } from './dataWait.js';

type Tell = (message: FromWorker) => void;

/** Work without which a worker cannot go on: the coordinator is told of its failure, unless nobody wants it any more. */
export async function orFailed<T>(work: () => Promise<T>, tell: Tell): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isLeftOff(error)) tell({ type: 'failed', reason: errorMessage(error).slice(0, 4_000) });
    throw error;
  }
}

function isLeftOff(error: unknown): boolean {
  const kinds = [NoLongerWanted, LinkLost, Interrupted];
  return error instanceof Error && (error.name === 'AbortError' || kinds.some((kind) => error instanceof kind));
}

/**
 * Work that reads samples, which may not come any more, or be bad. Bad ones are so for whoever reads them: the coordinator is
 * told, and starts no worker again for them.
 */
export function onSamples(work: () => Promise<void>, tell: Tell): Promise<void> {
  return unlessUnwanted(() =>
    work().catch((error: unknown) => {
      if (error instanceof DataError) tell({ type: 'failed', reason: error.message.slice(0, 4_000) });
      throw error;
    }),
  );
}

/** Work for which samples do not come any more is left; why, the next message says. */
export async function unlessUnwanted<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof NoLongerWanted) return undefined;
    throw error;
  }
}
