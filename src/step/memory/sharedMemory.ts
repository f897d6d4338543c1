import { closeSync, fstatSync, openSync } from 'node:fs';
import type { Config } from '../../shared/config/configSchema.js';
import { maxArrays } from '../../shared/numbers/wasm.js';
import { type MemorySystem, memorySystem } from '../../shared/system/memorySystem.js';
import { RunError } from '../../shared/text/errors.js';
import { Arena, type ArenaShape, arenaBytes, mostArenaBytes } from './arena.js';

/** An arena's file, open in this process. */
export class SharedMemory {
  /** File descriptor, which child processes may be given. */
  readonly file: number;
  readonly bytes: number;
  readonly system: MemorySystem;
  readonly #shape: ArenaShape;

  private constructor(file: number, shape: ArenaShape, system: MemorySystem) {
    this.file = file;
    this.bytes = arenaBytes(shape);
    this.system = system;
    this.#shape = shape;
  }

  /**
   * @param ownArrays arrays of the weights' size that a process has in one memory with it
   * @throws RunError saying why there is none to be had
   */
  static create(shape: ArenaShape, ownArrays: number): SharedMemory {
    const bytes = arenaBytes(shape);
    if (bytes > mostArenaBytes || maxArrays(shape.parameters, bytes) < ownArrays)
      throw new RunError(`${bytes} bytes are more than one process can address beside its own arrays`);
    const system = memorySystem();
    return new SharedMemory(system.create(bytes), shape, system);
  }

  /**
   * The file that the coordinator which started this process has passed on.
   * @throws RunError where it is not what this process takes it for
   */
  static inherit(file: number, shape: ArenaShape): SharedMemory {
    const memory = new SharedMemory(file, shape, memorySystem());
    const { size } = fstatSync(file);
    if (size !== memory.bytes) throw new RunError(`the coordinator shares ${size} bytes of memory, expected ${memory.bytes}`);
    return memory;
  }

  /** Where another process of this machine, and of the same user, finds its file. */
  get place(): { readonly file: string; readonly inode: number } {
    return { file: `/proc/${process.pid}/fd/${this.file}`, inode: fstatSync(this.file).ino };
  }

  /** The memory of another process; undefined where it is not to be found: of another machine or container, or not open to us. */
  static found(place: { readonly file: string; readonly inode: number }, shape: ArenaShape): SharedMemory | undefined {
    let file: number;
    let system: MemorySystem;
    try {
      system = memorySystem();
      file = openSync(place.file, 'r+');
    } catch {
      return undefined;
    }
    const { size, ino } = fstatSync(file);
    if (ino === place.inode && size === arenaBytes(shape)) return new SharedMemory(file, shape, system);
    closeSync(file);
    return undefined;
  }

  /** Closes the file. What is mapped stays. */
  close(): void {
    closeSync(this.file);
  }

  /** Puts its pages into an area of a kernel's memory. */
  open(area: Uint8Array): Arena {
    this.system.mapOver(area, this.file);
    return new Arena(area, this.#shape);
  }
}

/**
 * Memory to share with workers, where there is some to be had.
 * @param ownArrays as in `SharedMemory.create`
 * @param missing hears why there is none; it may refuse to go on without
 */
export function memoryToShare(
  { transport, shards, metrics }: Pick<Config, 'transport' | 'shards' | 'metrics'>,
  shape: Pick<ArenaShape, 'parameters' | 'workers'>,
  ownArrays: number,
  missing: (error: unknown) => void,
): SharedMemory | undefined {
  if (transport === 'socket') return undefined;
  try {
    return SharedMemory.create({ ...shape, shards, metrics: metrics.length }, ownArrays);
  } catch (error) {
    missing(error);
    return undefined;
  }
}
