import type { DataSpec, Preparation } from '../shared/config/dataSchema.js';
import { DataError, UsageError } from '../shared/text/errors.js';
import { type ArrayFile, type ArraySource, openArray } from './arrays/arrayFile.js';
import type { CachePlace } from './cache/place.js';
import { convertSpec, type DataNames, type Likeness } from './convert.js';
import { type Fit, fitPreparation } from './fit.js';
import { type Reading, readingAlone } from './readingMemory.js';
import { type ArrayData, ArrayDataset, type ArrayPair } from './samples/arrayDataset.js';
import { classWeightsOf } from './samples/classWeights.js';
import type { DataSplits, Dataset, PartName } from './samples/dataset.js';
import { split } from './split.js';

/** A run's data, and what samples and classes are called. */
export interface Data extends DataSplits<ArrayDataset>, DataNames {
  /** How inputs are prepared, in numbers. */
  readonly preparation: Preparation | undefined;
}

/** Arrays that were opened. */
type Opened = Omit<Data, keyof DataNames>;

export interface OpenOptions extends Reading, Partial<Pick<Fit, 'missing'>>, Partial<Pick<DataNames, 'classes'>> {
  readonly isFixed?: Fit['isFixed'] | undefined;
}

/**
 * Opens a run's data, which are converted to arrays first where they are tables or images.
 * @param validationSplit fraction of the training samples, from 0 up to but not including 1, that becomes the validation
 *   part: the LAST ones, before any shuffling, and after `take`; 0 for none
 * @throws UsageError for a spec that cannot be, DataError for files that are bad or do not fit each other
 */
export async function loadData(
  spec: DataSpec,
  validationSplit: number,
  place: CachePlace,
  reading: Reading = {},
  as?: TrainedOn,
): Promise<Data> {
  const { arrays, isFixed, missing, ...names } = await convertSpec(spec, place, as?.like);
  const prepared = as?.preparation ? { ...arrays, normalize: as.preparation } : arrays;
  const options = { ...reading, isFixed, missing: as ? undefined : missing, classes: names.classes };
  return { ...openArrays(prepared, validationSplit, options), ...names };
}

/**
 * Refuses inputs that are no finite float32 numbers, in whatever part they are.
 * @throws DataError naming file, row and column
 */
export function checkFiniteInputs({ train, validation, test, preparation }: Pick<Data, PartName | 'preparation'>): void {
  const files = new Set([train, validation, test].flatMap((part) => part?.x ?? []));
  for (const file of files) file.checkFinite(preparation !== undefined && 'fill' in preparation);
}

/** Data that a model was trained on: others are to be prepared as they were, where that is known. */
export interface TrainedOn {
  readonly preparation: Preparation | undefined;
  readonly like: Likeness;
}

/** The same for data that are arrays already. */
export function openArrays(arrays: ArrayData, validationSplit: number, options: OpenOptions): Opened {
  checkSpec(arrays, validationSplit);
  let memory = options.memory ?? Number.POSITIVE_INFINITY;
  const open = (pair: ArrayPair): ArrayDataset => {
    const dataset = ArrayDataset.open(pair, undefined, memory, options.inBlocks);
    if (dataset.x.isInMemory) memory -= dataset.x.size;
    return dataset;
  };
  const all = takeFirst(open(arrays), arrays.take);
  const { stratify, classWeights: wanted } = arrays;
  const groups = arrays.groups === undefined ? undefined : openGroups(arrays.groups, all);
  const [train, held] = validationSplit === 0 ? [all, undefined] : split(all, validationSplit, { stratify, groups });
  const classWeights = wanted && classWeightsOf(wanted, train, options.classes);
  const preparation = preparationOf(arrays, train, options);
  return {
    preparation,
    train: train.prepared(preparation).weighted(classWeights),
    validation: (held ?? openLike(train, arrays.validation, open))?.prepared(preparation),
    test: openLike(train, arrays.test, open)?.prepared(preparation),
  };
}

function openGroups(source: ArraySource, { x }: ArrayDataset): ArrayFile {
  const groups = openArray(source);
  const [[count = 0], [samples = 0]] = [groups.shape, x.shape];
  if (count !== samples) throw new DataError(`${groups.path}: expected ${samples} groups, one a sample of ${x.path}, got ${count}`);
  return groups;
}

function preparationOf({ normalize }: ArrayData, train: ArrayDataset, { missing, isFixed }: OpenOptions): Preparation | undefined {
  if (typeof normalize === 'object') {
    if ('subtract' in normalize) return checkWidths(normalize, train);
    if (!missing && !isFixed) return normalize;
  }
  return normalize || missing ? fitPreparation(train, { method: normalize, missing, isFixed: isFixed ?? (() => false) }) : undefined;
}

/** Numbers that were found in other data, or written by hand, must be one an input. */
function checkWidths(preparation: Extract<Preparation, { subtract: unknown }>, { x }: ArrayDataset): Preparation {
  for (const [key, numbers] of Object.entries(preparation)) {
    if (numbers && numbers.length !== x.rowWidth)
      throw new DataError(`${x.path}: normalize.${key}: expected ${x.rowWidth} numbers, one an input, got ${numbers.length}`);
  }
  return preparation;
}

/**
 * Opens one part to judge a model by: the test set, else the validation set.
 * @returns undefined where a run has neither
 */
export async function loadJudged(
  spec: DataSpec,
  validationSplit: number,
  place: CachePlace,
): Promise<{ readonly part: PartName; readonly dataset: Dataset } | undefined> {
  const { test, validation } = await loadData(spec, validationSplit, place, readingAlone());
  if (test) return { part: 'test', dataset: test };
  return validation && { part: 'validation', dataset: validation };
}

function checkSpec({ take, normalize, validation, stratify, groups }: ArrayData, validationSplit: number): void {
  if (take !== undefined && !(Number.isInteger(take) && take >= 1)) {
    throw new UsageError(`Expected \`take\` to be a whole number of at least 1, got ${take}`);
  }
  const divide = typeof normalize === 'object' && !('subtract' in normalize) ? normalize.divide : undefined;
  if (divide !== undefined && !(Number.isFinite(divide) && divide !== 0)) {
    throw new UsageError(`Expected \`normalize.divide\` to be a number other than 0, got ${divide}`);
  }
  if (!(validationSplit >= 0 && validationSplit < 1)) {
    throw new UsageError(`Expected \`validationSplit\` to be from 0 up to but not including 1, got ${validationSplit}`);
  }
  if (groups !== undefined && stratify) throw new UsageError('Expected `stratify` or `groups`, got both: leave out one');
  if (groups !== undefined && validationSplit === 0) {
    throw new UsageError('Expected a `validationSplit` that keeps `groups` together, got none: leave one of them out, or add the other');
  }
  if (validation !== undefined && validationSplit > 0) {
    throw new UsageError(
      `Expected \`validation\` files or a \`validationSplit\`, got both: leave out one (the split is ${validationSplit})`,
    );
  }
}

function takeFirst(all: ArrayDataset, take: number | undefined): ArrayDataset {
  if (take === undefined) return all;
  if (take > all.count) throw new DataError(`${all.x.path}: has ${all.count} samples, fewer than the ${take} to take`);
  return all.slice(0, take);
}

/** Opens a part whose samples must be of the same shape as those of `train`. */
function openLike(train: ArrayDataset, files: ArrayPair | undefined, open: (pair: ArrayPair) => ArrayDataset): ArrayDataset | undefined {
  if (files === undefined) return undefined;
  const part = open(files);
  const [expected, got] = [train, part].map(({ inputShape }) => `[${inputShape.join(', ')}]`);
  if (expected !== got) {
    throw new DataError(`${part.x.path}: expected samples of shape ${expected}, as in ${train.x.path}, got ${got}`);
  }
  if (part.targets.width !== train.targets.width) {
    throw new DataError(
      `${part.y.path}: expected targets of width ${train.targets.width}, as in ${train.y.path}, got width ${part.targets.width}`,
    );
  }
  return part;
}
