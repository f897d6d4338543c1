import { shortList } from '../table/tableSchema.js';
import { classCounts } from './classWeights.js';
import type { Dataset } from './dataset.js';

/**
 * Names the classes that only the validation part has, as where labels are sorted and the last fraction validates: they are
 * never trained on.
 * @param names of the classes, where they have names
 */
export function neverTrained(train: Dataset, held: Dataset, names: readonly string[] | undefined): string | undefined {
  const trained = classCounts(train);
  const apart = classCounts(held).flatMap((count, number) => (count > 0 && !((trained[number] ?? 0) > 0) ? [number] : []));
  if (apart.length === 0) return undefined;
  const which = shortList(apart.map((number) => names?.[number] ?? String(number)));
  const [classes, have, are] = apart.length === 1 ? ['class', 'has', 'is'] : ['classes', 'have', 'are'];
  return `${classes} ${which} ${have} samples only in the part that validates, the last ones, and ${are} never trained on: data.stratify: true takes the last ones of each class`;
}
