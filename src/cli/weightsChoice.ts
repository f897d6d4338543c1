import { UsageError } from '../shared/errors.js';

/** Reads `--weights`. */
export function weightsChoice(text: string | undefined): 'best' | 'final' {
  if (text === undefined || text === 'best') return 'best';
  if (text === 'final') return text;
  throw new UsageError(`--weights: expected best or final, got ${text}`);
}
