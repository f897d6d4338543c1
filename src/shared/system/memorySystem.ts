import { createRequire } from 'node:module';
import { constants, freemem } from 'node:os';
import { errorMessage, RunError } from '../text/errors.js';
import { memoryBytes } from './controlGroup.js';

/** What memory and threads that are shared take from the operating system, called by its C library through koffi. Linux only. */
export interface MemorySystem {
  /**
   * A file of zeros that lives in memory and has no name: nothing of it is left when the last process that has it open
   * ends. Its pages are reserved, so that touching one never fails.
   * @throws RunError where there is not so much memory
   */
  create(bytes: number): number;
  close(file: number): void;
  /** Puts the file's pages under an array that begins and ends on page borders: whoever does so sees what the others write. */
  mapOver(array: Uint8Array, file: number): void;
  /** Asks for large pages under an array, as far as it covers whole pages. */
  preferLargePages(array: Uint8Array): void;
  /** Sleeps until the word is woken, unless it no longer has the value; at most so many milliseconds. */
  wait(word: Int32Array, value: number, milliseconds: number): void;
  /** Wakes all who sleep at the word, in any process. */
  wake(word: Int32Array): void;
  /** The core that this thread runs on. */
  currentCore(): number;
  /** Lets a thread of this process run on all cores that this one may run on, but for one. Does nothing where that leaves none. */
  keepOffCore(thread: number, core: number): void;
}

const futexNumbers: Readonly<Record<string, number>> = { x64: 202, arm64: 98, riscv64: 98, loong64: 98 };
const [futexWait, futexWake] = [0, 1];
const everyone = 2 ** 31 - 1;
const protRead = 1;
const protWrite = 2;
const mapShared = 1;
const mapFixed = 0x10;
const mapPopulate = 0x8000;
const closeOnExec = 1;
const hugePage = 14;
/** The largest that such a system has as its small ones. */
const pageBytes = 65_536;
/** A bit a core: glibc's cpu_set_t. */
const coreSetBytes = 128;

let opened: MemorySystem | undefined;

/** @throws RunError saying why this machine has none */
export function memorySystem(): MemorySystem {
  opened ??= open();
  return opened;
}

function open(): MemorySystem {
  const number = futexNumbers[process.arch];
  if (process.platform !== 'linux' || number === undefined)
    throw new RunError(`it needs Linux on ${Object.keys(futexNumbers).join(', ')}, this is ${process.platform} on ${process.arch}`);
  let koffi: Koffi;
  try {
    koffi = createRequire(import.meta.url)('koffi');
  } catch (error) {
    throw new RunError(`koffi cannot be loaded: ${errorMessage(error)}`);
  }
  return bind(koffi, number);
}

type Koffi = typeof import('koffi');

/** What this process may still use: of its container's memory, if that is limited, else of the machine's. */
export function availableBytes(): number {
  const { availableMemory }: { availableMemory?: () => number } = process;
  return Math.min(availableMemory?.() ?? freemem(), memoryBytes());
}

function bind(koffi: Koffi, futexNumber: number): MemorySystem {
  const libc = koffi.load(null);
  const memfdCreate = libc.func('int memfd_create(const char *name, unsigned int flags)');
  const close = libc.func('int close(int fd)');
  const allocate = libc.func('int posix_fallocate(int fd, int64_t offset, int64_t length)');
  const mmap = libc.func('intptr_t mmap(uint8_t *address, size_t length, int protection, int flags, int fd, int64_t offset)');
  const madvise = libc.func('int madvise(uint8_t *address, size_t length, int advice)');
  koffi.struct('bpnn_timespec', { seconds: 'int64_t', nanoseconds: 'int64_t' });
  const futex = libc.func(
    'long syscall(long number, int32_t *word, int operation, int value, bpnn_timespec *timeout, void *word2, int value3)',
  );
  const currentCore = libc.func('int sched_getcpu()');
  const getAffinity = libc.func('int sched_getaffinity(int thread, size_t length, _Out_ uint8_t *cores)');
  const setAffinity = libc.func('int sched_setaffinity(int thread, size_t length, uint8_t *cores)');
  const allowedCores = new Uint8Array(coreSetBytes);
  getAffinity(0, coreSetBytes, allowedCores);
  return {
    create(bytes) {
      // Where memory is limited, reserving more than there is ends the process instead of the call.
      if (bytes > availableBytes()) throw new RunError(`there is no room for ${bytes} bytes`);
      const file = memfdCreate('bpnn-dist', closeOnExec);
      if (file < 0) throw new RunError(`memfd_create failed (${koffi.errno()})`);
      let code: number;
      do code = allocate(file, 0, bytes);
      while (code === constants.errno.EINTR);
      if (code === 0) return file;
      close(file);
      const isFull = code === constants.errno.ENOSPC || code === constants.errno.ENOMEM;
      throw new RunError(`${isFull ? 'there is no room' : `posix_fallocate failed (${code})`} for ${bytes} bytes`);
    },
    close,
    mapOver(array, file) {
      const address: number | bigint = mmap(array, array.length, protRead | protWrite, mapShared | mapFixed | mapPopulate, file, 0);
      if (Number(address) === -1) throw new RunError(`mmap failed (${koffi.errno()})`);
    },
    preferLargePages(array) {
      const border = Number(BigInt(koffi.address(array)) % BigInt(pageBytes));
      const skipped = border === 0 ? 0 : pageBytes - border;
      const length = Math.floor((array.byteLength - skipped) / pageBytes) * pageBytes;
      if (length > 0) madvise(array.subarray(skipped, skipped + length), length, hugePage);
    },
    wait(word, value, milliseconds) {
      futex(futexNumber, word, futexWait, value, { seconds: 0, nanoseconds: Math.round(milliseconds * 1e6) }, null, 0);
    },
    wake(word) {
      futex(futexNumber, word, futexWake, everyone, null, null, 0);
    },
    currentCore,
    keepOffCore(thread, core) {
      const others = allowedCores.slice();
      others[core >> 3] = (others[core >> 3] ?? 0) & ~(1 << (core & 7));
      if (thread > 0 && others.some((bits) => bits !== 0)) setAffinity(thread, coreSetBytes, others);
    },
  };
}
