import { z } from 'zod';
import { losses, metrics } from '../shared/model/spec.js';

/** What we note beside a model, in the formats that have room for it. */
export const metadataSchema = z.object({
  loss: z.enum(losses).optional(),
  metrics: z.array(z.enum(metrics)).readonly().optional(),
  normalize: z.object({ divide: z.number() }).readonly().optional(),
});

/** What a model was trained for, and what its inputs were divided by. */
export type ModelMetadata = Readonly<z.output<typeof metadataSchema>>;

/** Reads what we have noted; nothing of what somebody else has. */
export function notedMetadata(value: unknown): ModelMetadata {
  const { success, data } = metadataSchema.safeParse(value);
  return success ? data : {};
}
