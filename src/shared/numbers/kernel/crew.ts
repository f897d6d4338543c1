import { Worker } from 'node:worker_threads';
import { type MemorySystem, memorySystem } from '../../system/memorySystem.js';
import type { WasmMemory } from '../wasm.js';
import { oneThread, type Passes, type PassName } from './kernelPasses.js';
import { PassBoard } from './passBoard.js';

/** Values below which waking a helper takes longer than it saves. */
export const worthHelping = 400_000;

/** What a helper is given. */
export interface HelperDuty {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly board: SharedArrayBuffer;
}

/** Threads that share a kernel's memory and do parts of its long passes. */
export class Crew {
  readonly #threads: readonly Worker[];
  readonly #board: PassBoard;
  readonly #passes: Passes;
  readonly #alone: ReturnType<typeof oneThread>;
  /** Numbers that the system gave the threads, once they have told. */
  readonly #numbers: number[] = [];
  readonly #system = systemOf();
  /** The core that all helpers keep off. */
  #ownCore = -1;

  constructor({ module, memory, exports }: WasmMemory<Passes>, helpers: number) {
    const board = new SharedArrayBuffer(PassBoard.bytes);
    this.#board = new PassBoard(board);
    this.#passes = exports;
    this.#alone = oneThread(exports);
    const workerData: HelperDuty = { module, memory, board };
    this.#threads = Array.from({ length: helpers }, () => this.#start(workerData));
  }

  /** Runs a pass, with the helpers where it is long. Is nothing amiss? */
  readonly run = (name: PassName, addresses: readonly number[], length: number, ...numbers: number[]): boolean => {
    if (length < worthHelping) return this.#alone(name, addresses, length, ...numbers);
    this.#keepApart();
    this.#board.post({ name, length, addresses, numbers });
    this.#board.work(this.#passes);
    return this.#board.finish();
  };

  close(): void {
    for (const thread of this.#threads) void thread.terminate();
  }

  #start(workerData: HelperDuty): Worker {
    // Options of this process's command line are not for it.
    const thread = new Worker(new URL(import.meta.resolve('#kernel-helper')), { workerData, execArgv: [] });
    thread.unref();
    thread.once('message', (number: number) => this.#numbers.push(number));
    // One that cannot start leaves its parts to the others.
    thread.once('error', () => undefined);
    return thread;
  }

  /**
   * Bids the helpers wake on other cores than this thread's, where that can be said. Left to itself, a virtual machine's
   * kernel wakes them on the core that is busy waking them, since it takes one that sleeps for one that is not to be had.
   */
  #keepApart(): void {
    const core = this.#system?.currentCore() ?? -1;
    if (core === this.#ownCore || this.#numbers.length < this.#threads.length) return;
    this.#ownCore = core;
    for (const number of this.#numbers) this.#system?.keepOffCore(number, core);
  }
}

function systemOf(): MemorySystem | undefined {
  try {
    return memorySystem();
  } catch {
    return undefined;
  }
}
