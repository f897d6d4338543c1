import { basename } from 'node:path';
import type { SingleBar } from 'cli-progress';
import { isAddress } from '../../data/remote/dataAddress.js';
import { printableLine } from '../../shared/text/printable.js';
import { progressBar } from './progressBar.js';

/** How far a conversion is. */
export interface Conversion {
  readonly source: string;
  readonly done: number;
  readonly total: number;
}

/** What is done to a source, and has been. */
export function wordsOf(source: string): { readonly doing: string; readonly did: string; readonly how: string } {
  if (isAddress(source)) return { doing: 'fetching', did: 'fetched', how: '' };
  return { doing: 'converting', did: 'converted', how: ' to rows, once' };
}

/** Shows a file as it is fetched, a table or a folder of images as it is converted: with a bar on a terminal, else in a line at its start and its end. */
export class ConversionBar {
  readonly #bar: SingleBar | undefined;
  readonly #say: (line: string) => void;
  #isActive = false;

  constructor(stream: NodeJS.WritableStream & { readonly isTTY?: boolean }, say: (line: string) => void) {
    this.#say = say;
    if (stream.isTTY) this.#bar = progressBar(stream, '{doing} {name} {bar} {value}/{total}  {eta_formatted} left');
  }

  show({ source, done, total }: Conversion): void {
    const { doing, did, how } = wordsOf(source);
    const texts = { name: printableLine(basename(source)), doing };
    if (done === 0) this.#say(`${doing} ${source}${how}`);
    if (this.#bar && !this.#isActive) this.#bar.start(total, done, texts);
    else this.#bar?.update(done, texts);
    this.#isActive = this.#bar !== undefined;
    if (done < total) return;
    this.clear();
    this.#say(`${did} ${source}`);
  }

  /** Takes the bar away. */
  clear(): void {
    if (this.#isActive) this.#bar?.stop();
    this.#isActive = false;
  }
}
