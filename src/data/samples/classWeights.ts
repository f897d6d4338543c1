import type { ClassWeights } from '../../shared/config/dataSchema.js';
import { show, suggestion } from '../../shared/config/fields.js';
import { ConfigError, DataError } from '../../shared/text/errors.js';
import { shortList } from '../table/tableSchema.js';
import type { Dataset } from './dataset.js';

/** Classes that there may be: a target beyond is a measurement, not a class. */
const mostClasses = 1_000_000;

/**
 * Weights in the order of the class numbers; a class that is not named has 1, as in Keras.
 * @param wanted `balanced`: n / (classes * samples of the class), as scikit-learn's compute_class_weight
 * @param train the training part, by which they are balanced
 * @param names of the classes, where they have names
 * @throws DataError where targets are no classes, ConfigError where weights are for other classes
 */
export function classWeightsOf(
  wanted: ClassWeights,
  train: Pick<Dataset, 'count' | 'targets' | 'readTarget'>,
  names: readonly string[] | undefined,
): readonly number[] {
  const counts = classCounts(train);
  if (wanted === 'balanced') {
    const present = counts.filter((count) => count > 0).length;
    return counts.map((count) => (count > 0 ? train.count / (present * count) : 1));
  }
  if (Array.isArray(wanted)) {
    if (wanted.length < counts.length) throw wrongWeights(`expected ${counts.length} weights, one a class, got ${wanted.length}`);
    return [...wanted];
  }
  const weights = new Map(Object.entries(wanted).map(([name, weight]) => [classNumber(name, names), weight]));
  const most = Math.max(counts.length, ...[...weights.keys()].map((number) => number + 1));
  return Array.from({ length: most }, (_, number) => weights.get(number) ?? 1);
}

/**
 * Refuses weights of classes that a network cannot tell: nothing would be weighted by them. Classes may lack samples.
 * @param outputs number of the network's outputs: a class each; of a single one, the classes are those of the samples
 * @throws ConfigError naming the classes
 */
export function checkClassWeights(
  wanted: ClassWeights | undefined,
  outputs: number,
  train: Pick<Dataset, 'count' | 'targets' | 'readTarget'>,
  names: readonly string[] | undefined,
): void {
  if (wanted === undefined || wanted === 'balanced') return;
  const count = names?.length ?? (outputs > 1 ? outputs : Math.max(2, classCounts(train).length));
  const classes = names ? shortList(names) : `0 to ${count - 1}`;
  if (Array.isArray(wanted)) {
    if (wanted.length > count) throw wrongWeights(`expected ${count} weights, one a class (${classes}), got ${wanted.length}`);
    return;
  }
  const unknown = Object.keys(wanted).filter((name) => classNumber(name, names) >= count);
  if (unknown.length > 0) throw wrongWeights(`expected classes (${classes}), got ${unknown.map(show).join(', ')}`);
}

function wrongWeights(message: string): ConfigError {
  return new ConfigError('config', [{ path: 'data.classWeights', message }]);
}

/** A class without a name is called by its number; it may be one that is not in the training part. */
function classNumber(name: string, names: readonly string[] | undefined): number {
  const number = names ? names.indexOf(name) : /^\d{1,6}$/.test(name) ? Number(name) : -1;
  if (number >= 0) return number;
  const expected = names ? `classes (${shortList(names)})` : 'numbers of classes';
  throw wrongWeights(`expected ${expected}, got ${show(name)}${names ? suggestion(name, [...names]) : ''}`);
}

/** Reads the class of a sample: the number that its target is, or the place of the largest value of several. */
export function classReader(dataset: Pick<Dataset, 'targets' | 'readTarget'>): (sample: number) => number {
  const row = new Float32Array(dataset.targets.width);
  return (sample) => {
    dataset.readTarget(sample, row, 0);
    return row.length === 1 ? (row[0] ?? Number.NaN) : row.indexOf(Math.max(...row));
  };
}

/** How many samples each class has, by its number. @throws DataError where targets are no classes */
export function classCounts(train: Pick<Dataset, 'count' | 'targets' | 'readTarget'>): number[] {
  const classOf = classReader(train);
  const counts: number[] = [];
  for (let sample = 0; sample < train.count; sample++) {
    const number = classOf(sample);
    if (!(Number.isInteger(number) && number >= 0 && number < mostClasses))
      throw new DataError(`data.classWeights: expected targets that are classes, got ${number} at sample ${sample}`);
    while (counts.length <= number) counts.push(0);
    counts[number] = (counts[number] ?? 0) + 1;
  }
  return counts;
}
