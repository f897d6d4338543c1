import { memorySystem } from './memorySystem.js';

/** Bytes from which on it is worth asking. */
const worthwhile = 2 ** 22;

/**
 * Asks for large pages under an array that is read all over, where the system has them for the asking (Linux with
 * transparent huge pages at `madvise`): a step then waits less for addresses. Changes nothing else, and never fails.
 */
export function preferLargePages(array: Uint8Array): void {
  if (array.byteLength < worthwhile) return;
  try {
    memorySystem().preferLargePages(array);
  } catch {
    // Another system, or one without koffi.
  }
}
