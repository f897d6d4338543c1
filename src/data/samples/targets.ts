import type { Activation, Loss } from '../../shared/model/spec.js';
import { DataError } from '../../shared/text/errors.js';
import { numberReader } from '../arrays/rows.js';
import type { Dataset, PartName, TargetKind } from './dataset.js';

/** How a sample's target becomes a dense row of the network's outputs: a class number as a one-hot row, or values as they are. */
export type TargetEncoding = { readonly kind: 'oneHot' } | { readonly kind: 'values' };

/** What rows of targets are, of so many values each. */
export function targetKind(isInteger: boolean, width: number): TargetKind {
  return { width, isClassNumber: isInteger && width === 1 };
}

type WithTargets = Pick<Dataset, 'targets'>;

/**
 * Decides how targets become rows of [n, outputs].
 * @param outputs number of the network's outputs
 * @param part only for messages
 * @throws DataError if loss, outputs and targets do not fit each other
 */
export function targetEncoding(loss: Loss, outputs: number, { targets }: WithTargets, part: PartName = 'train'): TargetEncoding {
  const { width } = targets;
  const fail = (message: string): DataError => new DataError(`${part} targets: ${message}`);
  const isCategorical = loss === 'categoricalCrossentropy' || loss === 'sparseCategoricalCrossentropy';

  if (isCategorical && outputs === 1) {
    throw fail(`${loss} expects an output a class, got a network with 1 output: use binaryCrossentropy, or more units in the last layer`);
  }
  // One float for several outputs can only be a class; whether all are whole is seen when they are read.
  if (width === 1 && outputs > 1) return { kind: 'oneHot' };
  if (loss === 'sparseCategoricalCrossentropy') {
    throw fail(`${loss} expects one class number a sample, got ${width} values: use categoricalCrossentropy for one-hot rows`);
  }
  if (width === outputs) return { kind: 'values' };
  throw fail(
    `expected ${amount(outputs, 'value')} a sample, one an output, got ${width}: ` +
      `give the last layer ${amount(width, 'unit')}, or the file ${amount(outputs, 'column')}`,
  );
}

/** Are targets class numbers that become one-hot rows? Keras chooses the kind of accuracy by it. */
export function sparseTargets(loss: Loss, outputs: number, dataset: WithTargets): boolean {
  return targetEncoding(loss, outputs, dataset).kind === 'oneHot';
}

/**
 * Reads every target once and refuses what the loss cannot take. Inputs are not read.
 * @param column of a table that the targets are in, if they are
 * @throws DataError naming the part, the file, the first bad row (counted from 0), and the value
 */
export function checkTargets(loss: Loss, outputs: number, part: PartName, dataset: Dataset, column?: string): TargetEncoding {
  const encoding = targetEncoding(loss, outputs, dataset, part);
  const problem = encoding.kind === 'oneHot' ? classNumberProblem(outputs) : valuesProblem(loss);
  const row = new Float32Array(dataset.targets.width);
  for (let sample = 0; sample < dataset.count; sample++) {
    dataset.readTarget(sample, row, 0);
    const found = problem(row);
    if (found === undefined) continue;
    const place = dataset.targetPlace?.(sample) ?? `sample ${sample}`;
    throw new DataError(
      `${part} targets, ${place}${found}${encoding.kind === 'oneHot' ? `; ${classAdvice(outputs, dataset, column)}` : ''}`,
    );
  }
  return encoding;
}

/** What is wrong with one sample's target, behind its place; with the column, where there are several. */
type TargetProblem = (row: Float32Array) => string | undefined;

function classNumberProblem(outputs: number): TargetProblem {
  return ([value = Number.NaN]) =>
    isClass(value, outputs) ? undefined : `: expected a class number from 0 to ${outputs - 1}, for ${outputs} outputs, got ${show(value)}`;
}

/** What to do with numbers that are no classes, by all of them. */
function classAdvice(outputs: number, dataset: Dataset, column: string | undefined): string {
  const read = numberReader((sample, into, offset) => dataset.readTarget(sample, into, offset));
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let sample = 0; sample < dataset.count; sample++) {
    const value = read(sample);
    if (!Number.isInteger(value)) return 'classes are whole numbers: for measurements use meanSquaredError and a last layer of 1 unit';
    [least, most] = [Math.min(least, value), Math.max(most, value)];
  }
  const start = least === 1 && most === outputs ? 'labels seem to start at 1: ' : '';
  const ways = column === undefined ? 'number classes from 0' : `let its values be classes, with columns: { ${column}: category }`;
  return `${start}${ways}, or give the last layer more units`;
}

/** Is it a class that a network with so many outputs can name? */
export function isClass(value: number, outputs: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < outputs;
}

function valuesProblem(loss: Loss): TargetProblem {
  switch (loss) {
    case 'meanSquaredError':
    case 'meanAbsoluteError':
      return notFinite;
    case 'binaryCrossentropy':
      return (row) => notFinite(row) ?? notProbability(row, loss);
    case 'categoricalCrossentropy':
    case 'sparseCategoricalCrossentropy':
      return (row) => notFinite(row) ?? notProbability(row, loss) ?? notDistribution(row);
    default:
      return loss satisfies never;
  }
}

function notFinite(row: Float32Array): string | undefined {
  return firstBad(row, (value) => !Number.isFinite(value), 'expected a finite float32 number');
}

function notProbability(row: Float32Array, loss: Loss): string | undefined {
  return firstBad(row, (value) => value < 0 || value > 1, `${loss} expects values from 0 to 1`);
}

function firstBad(row: Float32Array, isBad: (value: number) => boolean, expected: string): string | undefined {
  const column = row.findIndex(isBad);
  if (column < 0) return undefined;
  return `${row.length > 1 ? `, column ${column}` : ''}: ${expected}, got ${show(row[column] ?? Number.NaN)}`;
}

/** The tolerance leaves room for rows of float16 or of rounded decimals. */
function notDistribution(row: Float32Array): string | undefined {
  const sum = row.reduce((total, value) => total + value, 0);
  return Math.abs(sum - 1) <= 1e-3 ? undefined : `: expected values that add up to 1, got a sum of ${show(sum)}`;
}

/** What the values of an output lie between. */
const reach: Readonly<Record<Activation, readonly [least: number, most: number]>> = {
  linear: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  leakyRelu: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  elu: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  relu: [0, Number.POSITIVE_INFINITY],
  sigmoid: [0, 1],
  softmax: [0, 1],
  tanh: [-1, 1],
};

/** Says where targets are values that the outputs cannot take, whatever the weights. */
export function outOfReach(activation: Activation, encoding: TargetEncoding, dataset: Dataset): string | undefined {
  const [least, most] = reach[activation];
  if (encoding.kind === 'oneHot' || (least === Number.NEGATIVE_INFINITY && most === Number.POSITIVE_INFINITY)) return undefined;
  const row = new Float32Array(dataset.targets.width);
  let [from, to] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let sample = 0; sample < dataset.count; sample++) {
    dataset.readTarget(sample, row, 0);
    from = Math.min(from, ...row);
    to = Math.max(to, ...row);
  }
  if (from >= least && to <= most) return undefined;
  const range = most === Number.POSITIVE_INFINITY ? `of at least ${least}` : `from ${least} to ${most}`;
  return `targets go from ${show(from)} to ${show(to)}, and ${activation}, the last activation, gives only numbers ${range}: leave it out (linear), or scale the targets`;
}

/** Without the digits that a float32 value does not have. */
function show(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(8));
}

function amount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
