import crc32c from 'crc-32/crc32c.js';

/**
 * A record as TensorFlow's record files hold it (tensorflow/core/lib/io/record_writer.h): its length in eight bytes, the
 * masked CRC-32C of these, the bytes, and their masked CRC-32C; all little-endian.
 */
export function record(bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(12);
  head.writeBigUInt64LE(BigInt(bytes.byteLength));
  head.writeUInt32LE(maskedCrc(head.subarray(0, 8)), 8);
  const tail = Buffer.alloc(4);
  tail.writeUInt32LE(maskedCrc(bytes));
  return Buffer.concat([head, bytes, tail]);
}

/** Turned by 15 bits and moved, since the CRC of bytes that hold their own CRC is a constant. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c.buf(bytes) >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
