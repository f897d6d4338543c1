import type { DataSpec, FileData, FilePair } from '../shared/config/dataSchema.js';
import { DataError, UsageError } from '../shared/errors.js';
import { ArrayDataset } from './arrayDataset.js';
import type { DataParts, Dataset, PartName } from './dataset.js';
import { mnistFiles } from './mnist.js';

/**
 * Opens a run's data.
 * @param validationSplit fraction of the training samples, from 0 up to but not including 1, that becomes the validation
 *   part: the LAST ones, before any shuffling, and after `take`; 0 for none
 * @throws UsageError for a spec that cannot be, DataError for files that are bad or do not fit each other
 */
export function openData(spec: DataSpec, validationSplit: number): DataParts {
  const files = 'name' in spec ? mnistFiles(spec.take) : spec;
  checkSpec(files, validationSplit);
  const all = takeFirst(ArrayDataset.open(files, files.normalize?.divide), files.take);
  const [train, held] = validationSplit === 0 ? [all, undefined] : split(all, validationSplit);
  return {
    train,
    validation: held ?? openLike(train, files.validation),
    test: openLike(train, files.test),
  };
}

/**
 * Opens one part to judge a model by: the test set, else the validation set; of the files only those that it stands in.
 * @returns undefined where a run has neither
 */
export function openJudged(spec: DataSpec, validationSplit: number): { readonly part: PartName; readonly dataset: Dataset } | undefined {
  const files = 'name' in spec ? mnistFiles(spec.take) : spec;
  const divide = files.normalize?.divide;
  if (files.test) return { part: 'test', dataset: ArrayDataset.open(files.test, divide) };
  if (files.validation) return { part: 'validation', dataset: ArrayDataset.open(files.validation, divide) };
  const { validation } = openData(spec, validationSplit);
  return validation && { part: 'validation', dataset: validation };
}

function checkSpec({ take, normalize, validation }: FileData, validationSplit: number): void {
  if (take !== undefined && !(Number.isInteger(take) && take >= 1)) {
    throw new UsageError(`Expected \`take\` to be a whole number of at least 1, got ${take}`);
  }
  if (normalize !== undefined && !(Number.isFinite(normalize.divide) && normalize.divide !== 0)) {
    throw new UsageError(`Expected \`normalize.divide\` to be a number other than 0, got ${normalize.divide}`);
  }
  if (!(validationSplit >= 0 && validationSplit < 1)) {
    throw new UsageError(`Expected \`validationSplit\` to be from 0 up to but not including 1, got ${validationSplit}`);
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

/** As Keras's train_validation_split: the training samples are the first floor(n * (1 - split)). */
function split(all: ArrayDataset, validationSplit: number): [ArrayDataset, ArrayDataset] {
  const trainCount = Math.floor(all.count * (1 - validationSplit));
  if (trainCount === 0 || trainCount === all.count) {
    const empty = trainCount === 0 ? 'training' : 'validation';
    throw new DataError(
      `${all.x.path}: a validationSplit of ${validationSplit} of ${all.count} samples leaves none for ${empty}: change it, or take more samples`,
    );
  }
  return [all.slice(0, trainCount), all.slice(trainCount, all.count - trainCount)];
}

/** Opens a part whose samples must be of the same shape as those of `train`. */
function openLike(train: ArrayDataset, files: FilePair | undefined): ArrayDataset | undefined {
  if (files === undefined) return undefined;
  const part = ArrayDataset.open(files, train.divide);
  const [expected, got] = [train, part].map(({ inputShape }) => `[${inputShape.join(', ')}]`);
  if (expected !== got) {
    throw new DataError(`${files.x}: expected samples of shape ${expected}, as in ${train.x.path}, got ${got}`);
  }
  if (part.targets.width !== train.targets.width) {
    throw new DataError(
      `${files.y}: expected targets of width ${train.targets.width}, as in ${train.y.path}, got width ${part.targets.width}`,
    );
  }
  return part;
}
