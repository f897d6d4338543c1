import { fileURLToPath } from 'node:url';

/** `bpnn-dist` as this process runs it: in a cluster the same folders are often at the same places. */
export function ownCommand(): string[] {
  return [process.execPath, fileURLToPath(import.meta.resolve('#cli'))];
}
