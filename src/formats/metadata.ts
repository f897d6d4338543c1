import { z } from 'zod';
import { preparationSchema } from '../shared/config/dataSchema.js';
import { losses, metrics } from '../shared/model/spec.js';

const name = { name: z.string(), missing: z.array(z.string()).readonly().optional(), decimal: z.literal(',').optional() };
const column = z.discriminatedUnion('kind', [
  z.object({ ...name, kind: z.literal('number'), isExact: z.boolean().optional() }),
  z.object({ ...name, kind: z.literal('category'), categories: z.array(z.string()).readonly().optional() }),
  z.object({ ...name, kind: z.literal('list'), shape: z.array(z.number()).readonly() }),
]);

/** What we note beside a model, in the formats that have room for it. */
export const metadataSchema = z.object({
  loss: z.enum(losses).optional(),
  metrics: z.array(z.enum(metrics)).readonly().optional(),
  normalize: preparationSchema.optional(),
  /** Names of the classes, in the order of their numbers. */
  classes: z.array(z.string()).readonly().optional(),
  /** How rows of a table become samples. */
  schema: z
    .object({
      ...{ inputs: z.array(column).readonly(), target: z.array(column).readonly() },
      reading: z.object({ header: z.boolean().optional(), names: z.array(z.string()).readonly().optional() }).optional(),
    })
    .optional(),
});

/** What a model was trained for, and what its inputs were divided by. */
export type ModelMetadata = Readonly<z.output<typeof metadataSchema>>;

/** Reads what we have noted; nothing of what somebody else has. */
export function notedMetadata(value: unknown): ModelMetadata {
  const { success, data } = metadataSchema.safeParse(value);
  return success ? data : {};
}
