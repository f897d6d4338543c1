import { DataError } from '../shared/text/errors.js';
import type { ArrayFile } from './arrays/arrayFile.js';
import type { ArrayDataset } from './samples/arrayDataset.js';

/** How samples are kept together: each class is cut in the same shares, or no group is cut at all. */
export interface SplitOptions {
  /** Cut each class by itself, so that both parts have the classes in the same shares. */
  readonly stratify?: boolean | undefined;
  /** Rows that are the same are of one group, which is wholly in one part. A row a sample of `all`. */
  readonly groups?: ArrayFile | undefined;
}

/**
 * Cuts the last samples off for validation, before any shuffling. As Keras's train_validation_split: n samples leave
 * floor(n * (1 - fraction)) for training. Of groups, those that begin last are taken until they have at least the rest.
 * @throws DataError where a part would be empty, or samples are to be stratified that have no classes
 */
export function split(all: ArrayDataset, fraction: number, { stratify, groups }: SplitOptions = {}): [ArrayDataset, ArrayDataset] {
  const train = stratify ? firstOfEachClass(all, fraction) : groups ? firstGroups(all, fraction, groups) : undefined;
  const count = train?.length ?? trainCount(all.count, fraction);
  if (count === 0 || count === all.count) {
    const empty = count === 0 ? 'training' : 'validation';
    const whole = groups ? ` in whole groups (${groups.path})` : '';
    throw new DataError(
      `${all.x.path}: a validationSplit of ${fraction} of ${all.count} samples${whole} leaves none for ${empty}: change it, or take more samples`,
    );
  }
  if (!train) return [all.slice(0, count), all.slice(count, all.count - count)];
  const isTrained = new Set(train);
  const rest = Array.from({ length: all.count }, (_, sample) => sample).filter((sample) => !isTrained.has(sample));
  // Both in the order of the file.
  return [all.pick(Int32Array.from(train).sort()), all.pick(Int32Array.from(rest))];
}

function firstOfEachClass(all: ArrayDataset, fraction: number): number[] {
  // A class of one sample is one to train on.
  return classGroups(all).flatMap((group) => group.slice(0, Math.max(1, trainCount(group.length, fraction))));
}

function firstGroups(all: ArrayDataset, fraction: number, file: ArrayFile): number[] {
  const groups = groupsOf(file, all);
  const wanted = all.count - trainCount(all.count, fraction);
  for (let held = 0; held < wanted && groups.length > 0; ) held += groups.pop()?.length ?? 0;
  return groups.flat();
}

/** The samples of each group, in the order in which the groups begin. */
function groupsOf(file: ArrayFile, all: ArrayDataset): number[][] {
  const { rowBytes } = file;
  const groups = new Map<string, number[]>();
  let sample = 0;
  for (const piece of file.pieces(0, all.count)) {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    for (let at = 0; at < bytes.length; at += rowBytes) put(groups, bytes.toString('latin1', at, at + rowBytes), sample++);
  }
  return [...groups.values()];
}

function put(groups: Map<string, number[]>, name: string, sample: number): void {
  const group = groups.get(name);
  if (group) group.push(sample);
  else groups.set(name, [sample]);
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
    put(groups, row.join(), sample);
  }
  return [...groups.values()];
}
