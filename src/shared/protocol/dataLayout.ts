import { z } from 'zod';
import { ProtocolError } from '../text/errors.js';

const count = z.int().min(1);

/** Number type, by its NumPy name, shape and bytes of one sample's values. */
const rows = z.strictObject({ dtype: z.string().max(16), shape: z.array(count).max(32).readonly(), bytes: count });

const part = z.strictObject({ count, inputs: rows, targets: rows, isWeighted: z.boolean() });

/** What samples are like, split by split, as they stand in files: before they are prepared. */
export const dataLayout = z.strictObject({ train: part, validation: part.optional(), test: part.optional() });

export type DataLayout = z.output<typeof dataLayout>;
export type SplitLayout = z.output<typeof part>;
export type RowLayout = z.output<typeof rows>;

/**
 * Samples as they stand in files, little-endian and without preparation: all inputs one behind the other, all targets and,
 * where there are some, all weights as float32.
 */
export type RawSamples = readonly Uint8Array[];

/** Bytes of one sample on its way. */
export function sampleBytes({ inputs, targets, isWeighted }: SplitLayout): number {
  return inputs.bytes + targets.bytes + (isWeighted ? 4 : 0);
}

/** Some samples of a part, by their places in it. */
export interface WantedSamples {
  readonly split: keyof DataLayout;
  readonly samples: readonly number[];
}

/** Bytes that are asked for at once, unless it is one sample, and that may be. */
export const askedBytes = 2 ** 22;
const mostBytes = 2 ** 23;

/** @throws ProtocolError for samples that are not there, or too many at once */
export function checkWanted(layout: DataLayout, { split, samples }: WantedSamples): void {
  const known = layout[split];
  if (!known || samples.some((sample) => sample >= known.count)) throw new ProtocolError(`wants samples of ${split} that are not there`);
  if (samples.length > 1 && samples.length * sampleBytes(known) > mostBytes)
    throw new ProtocolError(`wants ${samples.length} samples at once, which are more than ${mostBytes} bytes`);
}
