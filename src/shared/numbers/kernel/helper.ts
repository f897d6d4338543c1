import { readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import type { HelperDuty } from './crew.js';
import type { Passes } from './kernelPasses.js';
import { PassBoard } from './passBoard.js';

/** What a helper's thread runs: takes parts of every pass that is posted, until the thread is ended. */
const { module, memory, board: words }: HelperDuty = workerData;
const passes = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Passes;
const board = new PassBoard(words);
parentPort?.postMessage(threadNumber());
for (;;) board.awaitNext(board.work(passes));

/** The number by which the system knows the calling thread; 0 where it does not say. */
function threadNumber(): number {
  try {
    return Number(basename(readlinkSync('/proc/thread-self')));
  } catch {
    return 0;
  }
}
