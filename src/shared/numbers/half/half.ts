import { openWasm } from '../wasm.js';

/** Formats of 16 bits: bfloat16, which has float32's range, and IEEE 754's half precision, which has more digits. */
export type HalfFormat = 'bf16' | 'fp16';

/** Rounds arrays to a format of 16 bits, and packs them for the wire. What is rounded stays the same through both. */
export interface Halves {
  /** into = values * scale, rounded to the nearest number that the format has, ties to even; what is beyond its range becomes its largest. */
  round(values: Float32Array, into: Float32Array, scale: number): void;
  /** Of numbers that are rounded already: a fresh array. */
  pack(values: Float32Array): Uint16Array;
  /** A fresh array. @param frame two bytes a number, little-endian, on any address */
  unpack(frame: Uint8Array): Float32Array;
}

interface Exports {
  roundBf16(values: number, length: number, scale: number): void;
  roundFp16(values: number, length: number, scale: number): void;
  packBf16(values: number, halves: number, length: number): void;
  packFp16(values: number, halves: number, length: number): void;
  unpackBf16(halves: number, values: number, length: number): void;
  unpackFp16(halves: number, values: number, length: number): void;
}

/** Values that go through the code's memory at a time: they stay in the nearest cache. */
const chunk = 4_096;

export function openHalves(format: HalfFormat): Halves {
  const lengths = [chunk + 8, chunk / 2 + 8];
  const { exports, allocate, addressOf } = openWasm<Exports>({ module: '#half.wasm', lengths, holds: 'rounded numbers' });
  const values = allocate(chunk + 8);
  const room = allocate(chunk / 2 + 8);
  const halves = new Uint16Array(room.buffer, room.byteOffset, chunk);
  const [valuesAt, halvesAt] = [addressOf(values), addressOf(room)];
  const isBf16 = format === 'bf16';
  const [round, pack, unpack] = isBf16
    ? [exports.roundBf16, exports.packBf16, exports.unpackBf16]
    : [exports.roundFp16, exports.packFp16, exports.unpackFp16];
  return {
    round(from, into, scale) {
      for (let start = 0; start < from.length; start += chunk) {
        const some = from.subarray(start, start + chunk);
        values.set(some);
        round(valuesAt, some.length, scale);
        into.set(values.subarray(0, some.length), start);
      }
    },
    pack(from) {
      const packed = new Uint16Array(from.length);
      for (let start = 0; start < from.length; start += chunk) {
        const some = from.subarray(start, start + chunk);
        values.set(some);
        pack(valuesAt, halvesAt, some.length);
        packed.set(halves.subarray(0, some.length), start);
      }
      return packed;
    },
    unpack(frame) {
      const aligned = frame.byteOffset % 2 === 0 ? frame : new Uint8Array(frame);
      const from = new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 2);
      const unpacked = new Float32Array(from.length);
      for (let start = 0; start < from.length; start += chunk) {
        const some = from.subarray(start, start + chunk);
        halves.set(some);
        unpack(halvesAt, valuesAt, some.length);
        unpacked.set(values.subarray(0, some.length), start);
      }
      return unpacked;
    },
  };
}

/** Gradients in fp16 are made so much larger, since its smallest numbers are not very small; a power of two loses nothing. */
const fp16LossScale = 1_024;

/**
 * What makes a mean of a step's gradient sum: its samples, or the scale that it was given before it was rounded.
 * @param samples of the step
 */
export function divisorOf(compression: HalfFormat | 'none', samples: number): number {
  return compression === 'none' ? samples : lossScaleOf(compression);
}

/** What a mean gradient is multiplied by before it is rounded. */
export function lossScaleOf(format: HalfFormat): number {
  return format === 'fp16' ? fp16LossScale : 1;
}
