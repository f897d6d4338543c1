import { z } from 'zod';

const count = z.int().min(1);

/** Number type, by its NumPy name, and shape of one sample's values. */
const rows = z.strictObject({ dtype: z.string().max(16), shape: z.array(count).max(32).readonly() });

const part = z.strictObject({ count, inputs: rows, targets: rows, isWeighted: z.boolean() });

/** What samples are like, part by part, as they stand in files: before they are prepared. */
export const dataLayout = z.strictObject({ train: part, validation: part.optional(), test: part.optional() });

export type DataLayout = z.output<typeof dataLayout>;
export type PartLayout = z.output<typeof part>;
export type RowLayout = z.output<typeof rows>;

/**
 * Samples as they stand in files, little-endian and without preparation: all inputs one behind the other, all targets and,
 * where there are some, all weights as float32.
 */
export type RawSamples = readonly Uint8Array[];
