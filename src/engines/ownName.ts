import { relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What a person types to start this program: its name where it is installed, its file in a clone. */
export function ownName(): string {
  const cli = fileURLToPath(import.meta.resolve('#cli'));
  if (cli.split(sep).includes('node_modules')) return 'bpnn-dist';
  const fromHere = relative('', cli);
  return `node ${fromHere.startsWith('..') ? cli : fromHere}`;
}
