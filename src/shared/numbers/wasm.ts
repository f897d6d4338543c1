/// <reference path="./webassembly.d.ts" />

import { readFileSync } from 'node:fs';
import { addressAdvice } from '../system/addressSpace.js';
import { preferLargePages } from '../system/largePages.js';
import { RunError } from '../text/errors.js';

/** A module of ours in a memory of its own, which never grows: growing would take the views of it away. */
export interface WasmMemory<Exports> {
  readonly exports: Exports;
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** A new array of zeros. Memory is never given back: allocate once. */
  allocate(length: number): Float32Array;
  /** Where an array of this memory starts. */
  addressOf(array: Float32Array | Uint8Array): number;
  /** The pages that were asked for besides, to be shared with other processes; empty where none were. */
  readonly area: Uint8Array;
}

export interface WasmRequest {
  /** Name of the module, as package.json has it. */
  readonly module: `#${string}.wasm`;
  /** Of the arrays to come, in values. */
  readonly lengths: readonly number[];
  /** Bytes of further pages, in which other memory may be put. */
  readonly areaBytes?: number | undefined;
  /** Can other threads open the module over the same memory? It must have been compiled for that. */
  readonly isShared?: boolean;
  /** Functions that the module calls. */
  readonly imports?: Readonly<Record<string, (x: number) => number>>;
  /** What the arrays hold, for messages. */
  readonly holds: string;
  /** What to do where they do not fit. */
  readonly advice?: string;
}

const pageBytes = 65_536;
const maxPages = 65_536;
/** Arrays start on cache lines of their own, and one vector behind an array's end may be read. */
const alignment = 64;

/** Bytes that an array of `length` values takes. */
export function allocationBytes(length: number): number {
  return Math.ceil((length * 4 + 16) / alignment) * alignment;
}

/** The most arrays of `length` values that one memory can hold, beside an area. */
export function maxArrays(length: number, areaBytes = 0): number {
  return Math.floor(((maxPages - Math.ceil(areaBytes / pageBytes)) * pageBytes - alignment) / allocationBytes(length));
}

const compiled = new Map<string, WebAssembly.Module>();

/**
 * Opens a module over a memory with room for the given arrays.
 * @throws RunError where they do not fit into 4 GiB or the machine has not got the memory
 */
export function openWasm<Exports>(request: WasmRequest): WasmMemory<Exports> {
  const { lengths, areaBytes = 0, isShared = false, imports, holds, advice } = request;
  const ownPages = Math.ceil(lengths.reduce((sum, length) => sum + allocationBytes(length), alignment) / pageBytes);
  const pages = ownPages + Math.ceil(areaBytes / pageBytes);
  const memory = reserve({ initial: pages, maximum: pages, shared: isShared }, holds, advice === undefined ? '' : `: ${advice}`);
  const module = moduleNamed(request.module);
  let next = alignment;
  return {
    exports: new WebAssembly.Instance(module, { env: { memory, ...imports } }).exports as Exports,
    module,
    memory,
    allocate(length) {
      const at = next;
      next += allocationBytes(length);
      if (next > ownPages * pageBytes) throw new RangeError(`the memory was reserved for less than ${length} more values`);
      return new Float32Array(memory.buffer, at, length);
    },
    addressOf(array) {
      if (array.buffer !== memory.buffer) throw new RangeError('an array stands outside the memory of the code that is to use it');
      return array.byteOffset;
    },
    area: new Uint8Array(memory.buffer, ownPages * pageBytes, areaBytes),
  };
}

function reserve(size: WebAssembly.MemoryDescriptor, holds: string, advice: string): WebAssembly.Memory {
  const pages = size.initial;
  const gib = ((pages * pageBytes) / 2 ** 30).toFixed(1);
  if (pages > maxPages) throw new RunError(`${gib} GiB of ${holds} do not fit into the 4 GiB that one process computes in${advice}`);
  let memory: WebAssembly.Memory;
  try {
    memory = new WebAssembly.Memory(size);
  } catch {
    const limited = addressAdvice();
    throw new RunError(`no memory for ${gib} GiB of ${holds}${limited === undefined ? advice : `: ${limited}`}`);
  }
  preferLargePages(new Uint8Array(memory.buffer));
  return memory;
}

function moduleNamed(name: string): WebAssembly.Module {
  const known = compiled.get(name);
  if (known) return known;
  const module = new WebAssembly.Module(readFileSync(new URL(import.meta.resolve(name))));
  compiled.set(name, module);
  return module;
}
