import { basename } from 'node:path';
import type { SingleBar } from 'cli-progress';
import { progressBar } from './progressBar.js';

/** How far a conversion is. */
export interface Conversion {
  readonly source: string;
  readonly done: number;
  readonly total: number;
}

/** Shows a table or a folder of images as it is converted: with a bar on a terminal, else in a line at its start and its end. */
export class ConversionBar {
  readonly #bar: SingleBar | undefined;
  readonly #say: (line: string) => void;
  #isActive = false;

  constructor(stream: NodeJS.WritableStream & { readonly isTTY?: boolean }, say: (line: string) => void) {
    this.#say = say;
    if (stream.isTTY) this.#bar = progressBar(stream, 'converting {name} {bar} {value}/{total}  {eta_formatted} left');
  }

  show({ source, done, total }: Conversion): void {
    const name = basename(source);
    if (done === 0) this.#say(`converting ${source} to rows, once`);
    if (this.#bar && !this.#isActive) this.#bar.start(total, done, { name });
    else this.#bar?.update(done, { name });
    this.#isActive = this.#bar !== undefined;
    if (done < total) return;
    this.clear();
    this.#say(`converted ${source}`);
  }

  /** Takes the bar away. */
  clear(): void {
    if (this.#isActive) this.#bar?.stop();
    this.#isActive = false;
  }
}
