import { closeSync, existsSync, fdatasync, fstatSync, openSync, readSync, truncateSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { jsonLine } from '../shared/text/json.js';

/** Bytes of metrics that may wait in memory, and milliseconds that they may wait. */
const flushBytes = 8_192;
const flushInterval = 250;

/** Bytes of a file's end that are looked at first. */
const firstWindow = 65_536;

const toDisk = promisify(fdatasync);

/** metrics.jsonl as a run writes it: lines wait a little, so that a step costs no system call. */
export class MetricsFile {
  readonly #file: number;
  readonly #onWrite: (trouble: unknown) => void;
  #waiting = '';
  #flushedAt = 0;
  #bytes: number;

  /** @param onWrite is told after each write what went wrong, if anything */
  constructor(path: string, onWrite: (trouble: unknown) => void) {
    this.#file = openSync(path, 'a');
    this.#bytes = fstatSync(this.#file).size;
    this.#onWrite = onWrite;
  }

  /** Bytes that have been written. */
  get bytes(): number {
    return this.#bytes;
  }

  add(entry: object): void {
    this.#waiting += `${jsonLine(entry)}\n`;
    if (this.#waiting.length >= flushBytes || performance.now() - this.#flushedAt >= flushInterval) this.flush();
  }

  /** Writes what waits. On a full disk it goes on waiting. @returns whether all is written */
  flush(): boolean {
    this.#flushedAt = performance.now();
    if (this.#waiting.length === 0) return true;
    const bytes = Buffer.from(this.#waiting);
    let written = 0;
    let trouble: unknown;
    try {
      while (written < bytes.byteLength) written += writeSync(this.#file, bytes, written);
    } catch (error) {
      trouble = error;
    }
    this.#bytes += written;
    this.#waiting = bytes.toString('utf8', written);
    // What is said of it may be added here in turn.
    this.#onWrite(trouble);
    return this.#waiting === '';
  }

  /** Waits until everything written is on the disk. @throws the system's error */
  sync(): Promise<void> {
    return toDisk(this.#file);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/**
 * Cuts metrics.jsonl to what a checkpoint vouches for. A file that a crash of the machine left shorter, or with zeros at its
 * end, is cut after its last whole line, so that the next line stands alone.
 * @param expected bytes of the file at the checkpoint
 * @returns what is missing, as a line for a person
 */
export function restoreMetrics(path: string, expected: number): string | undefined {
  if (!existsSync(path))
    return expected === 0 ? undefined : `${path}: the file is gone; the metrics of all steps before this resume are lost`;
  const file = openSync(path, 'r');
  let kept: { readonly bytes: number; readonly lastStep: number | undefined };
  try {
    kept = wholeLines(file, Math.min(fstatSync(file).size, expected));
  } finally {
    closeSync(file);
  }
  truncateSync(path, kept.bytes);
  if (kept.bytes === expected) return undefined;
  const after = kept.lastStep === undefined ? '' : ` after step ${kept.lastStep}`;
  return `${path}: expected ${expected} bytes at the checkpoint, got ${kept.bytes} with whole lines; the metrics${after} up to this resume are lost`;
}

function wholeLines(file: number, size: number): { readonly bytes: number; readonly lastStep: number | undefined } {
  for (let window = Math.min(firstWindow, size); ; window = Math.min(2 * window, size)) {
    const bytes = Buffer.alloc(window);
    const tail = bytes.subarray(0, readSync(file, bytes, 0, window, size - window));
    let end = tail.length;
    while (end > 0 && tail[end - 1] === 0) end--;
    const newline = end === 0 ? -1 : tail.lastIndexOf(0x0a, end - 1);
    if (newline < 0 && window < size) continue;
    const steps = [...tail.toString('latin1', 0, newline + 1).matchAll(/^\{"kind":"step".*?"step":(\d+)/gm)];
    const last = steps.at(-1)?.[1];
    return { bytes: size - window + newline + 1, lastStep: last === undefined ? undefined : Number(last) };
  }
}
