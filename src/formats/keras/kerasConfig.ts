import type { z } from 'zod';
import { show } from '../../shared/config/fields.js';
import { DataError } from '../../shared/text/errors.js';
import { expectedWords } from '../../shared/text/expectedWords.js';

/** The arguments of a layer. @throws DataError naming the one that cannot be read */
export function readConfig<T extends z.ZodType>(schema: T, config: unknown, what: string): z.output<T> {
  const result = schema.safeParse(config, { reportInput: true, error: expectedWords });
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new DataError(`${what}: ${issue?.path.join('.')}: ${issue?.message}, got ${show(issue?.input)}`);
}
