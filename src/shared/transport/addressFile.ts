import { rmSync } from 'node:fs';
import { writeDurably } from '../files/durableFile.js';
import { textIfThere } from '../system/textIfThere.js';
import { errorMessage, UsageError } from '../text/errors.js';
import { type Address, parseAddress } from './address.js';

/**
 * Tells workers that share a disk with the coordinator where it listens: its address, in a file. It is there as long as
 * the coordinator is, unless that was killed; one that comes after it writes its own.
 * @returns what takes it back
 * @throws UsageError where it cannot be written
 */
export async function announceAddress(file: string, address: string): Promise<() => void> {
  const text = `${address}\n`;
  try {
    await writeDurably(file, [Buffer.from(text)]);
  } catch (error) {
    throw new UsageError(`--address-file ${file}: it cannot be written (${errorMessage(error)})`);
  }
  return () => {
    // Perhaps it is another's by now.
    if (textIn(file) === text) rmSync(file, { force: true });
  };
}

/** @returns undefined where no coordinator has announced itself yet @throws UsageError where something else stands in the file */
export function announcedAddress(file: string): Address | undefined {
  const text = textIn(file);
  return text === undefined ? undefined : parseAddress(text.trim());
}

function textIn(file: string): string | undefined {
  try {
    return textIfThere(file);
  } catch (error) {
    throw new UsageError(`${file}: the address cannot be read (${errorMessage(error)})`);
  }
}
