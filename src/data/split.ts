import { DataError } from '../shared/errors.js';
import type { ArrayDataset } from './arrayDataset.js';

/**
 * Cuts the last samples off for validation, before any shuffling. As Keras's train_validation_split: n samples leave
 * floor(n * (1 - fraction)) for training.
 * @param stratify do so within each class, so that both parts have the classes in the same shares
 * @throws DataError where a part would be empty, or samples are to be stratified that have no classes
 */
export function split(all: ArrayDataset, fraction: number, stratify: boolean): [ArrayDataset, ArrayDataset] {
  const groups = stratify ? classGroups(all) : undefined;
  // A class of one sample is one to train on.
  const counts = groups ? groups.map(({ length }) => Math.max(1, trainCount(length, fraction))) : [trainCount(all.count, fraction)];
  const train = counts.reduce((sum, count) => sum + count, 0);
  if (train === 0 || train === all.count) {
    const empty = train === 0 ? 'training' : 'validation';
    throw new DataError(
      `${all.x.path}: a validationSplit of ${fraction} of ${all.count} samples leaves none for ${empty}: change it, or take more samples`,
    );
  }
  if (!groups) return [all.slice(0, train), all.slice(train, all.count - train)];
  // Of each class its first and its last samples; and all of them in the order of the file.
  const pick = (part: (group: readonly number[], count: number) => readonly number[]): ArrayDataset =>
    all.pick(Int32Array.from(groups.flatMap((group, i) => part(group, counts[i] ?? 0))).sort());
  return [pick((group, count) => group.slice(0, count)), pick((group, count) => group.slice(count))];
}

function trainCount(count: number, fraction: number): number {
  return Math.floor(count * (1 - fraction));
}

/** The samples of each class, by class number or one-hot row. */
function classGroups(all: ArrayDataset): number[][] {
  const { width, isClassNumber } = all.targets;
  if (!isClassNumber && width === 1) {
    throw new DataError(`${all.y.path}: expected classes to stratify by, as whole numbers or one-hot rows, got one float a sample`);
  }
  const groups = new Map<string, number[]>();
  const row = new Float32Array(width);
  for (let sample = 0; sample < all.count; sample++) {
    all.readTarget(sample, row, 0);
    const name = row.join();
    const group = groups.get(name);
    if (group) group.push(sample);
    else groups.set(name, [sample]);
  }
  return [...groups.values()];
}
