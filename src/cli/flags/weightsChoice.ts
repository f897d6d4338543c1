import { UsageError } from '../../shared/text/errors.js';

/** Reads `--weights`. */
export function weightsChoice(text: string | undefined): 'best' | 'final' | undefined {
  if (text === undefined || text === 'best' || text === 'final') return text;
  throw new UsageError(`--weights: expected best or final, got ${text}`);
}
