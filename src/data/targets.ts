import { DataError } from '../shared/errors.js';
import type { Loss } from '../shared/model/spec.js';
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
  const { width, isClassNumber } = targets;
  const fail = (message: string): DataError => new DataError(`${part} targets: ${message}`);
  const isCategorical = loss === 'categoricalCrossentropy' || loss === 'sparseCategoricalCrossentropy';

  if (isCategorical && outputs === 1) {
    throw fail(`${loss} expects an output a class, got a network with 1 output: use binaryCrossentropy, or more units in the last layer`);
  }
  if (isClassNumber && outputs > 1) return { kind: 'oneHot' };
  if (loss === 'sparseCategoricalCrossentropy') {
    const fix = width === 1 ? `save them as integers, y.astype('int32')` : 'use categoricalCrossentropy for one-hot rows';
    throw fail(
      `${loss} expects one class number a sample, of an integer type, got ${width === 1 ? 'one float' : `${width} values`}: ${fix}`,
    );
  }
  if (width === outputs) return { kind: 'values' };
  if (width === 1) {
    throw fail(
      `expected ${outputs} values a sample, one an output, got one float: save class numbers as integers, y.astype('int32'), or give the last layer 1 unit`,
    );
  }
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
 * @throws DataError naming the part, its first bad sample (counted from 0) and the value
 */
export function checkTargets(loss: Loss, outputs: number, part: PartName, dataset: Dataset, column?: string): TargetEncoding {
  const encoding = targetEncoding(loss, outputs, dataset, part);
  const problem = encoding.kind === 'oneHot' ? classNumberProblem(outputs, column) : valuesProblem(loss);
  const row = new Float32Array(dataset.targets.width);
  for (let sample = 0; sample < dataset.count; sample++) {
    dataset.readTarget(sample, row, 0);
    const found = problem(row);
    if (found !== undefined) throw new DataError(`${part} targets, sample ${sample}: ${found}`);
  }
  return encoding;
}

/** Says what is wrong with one sample's target. */
type TargetProblem = (row: Float32Array) => string | undefined;

function classNumberProblem(outputs: number, column: string | undefined): TargetProblem {
  const advice =
    column === undefined
      ? 'number classes from 0 (of 1, 2, ... subtract 1), or give the last layer more units'
      : `let its values be classes, with columns: { ${column}: category }, or give the last layer more units`;
  return (row) => {
    const value = row[0] ?? Number.NaN;
    if (isClass(value, outputs)) return undefined;
    return `expected a class number from 0 to ${outputs - 1}, for ${outputs} outputs, got ${show(value)}; ${advice}`;
  };
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
  const bad = row.find((value) => !Number.isFinite(value));
  return bad === undefined ? undefined : `expected a finite float32 number, got ${bad}`;
}

function notProbability(row: Float32Array, loss: Loss): string | undefined {
  const bad = row.find((value) => value < 0 || value > 1);
  return bad === undefined ? undefined : `${loss} expects values from 0 to 1, got ${show(bad)}`;
}

/** The tolerance leaves room for rows of float16 or of rounded decimals. */
function notDistribution(row: Float32Array): string | undefined {
  const sum = row.reduce((total, value) => total + value, 0);
  return Math.abs(sum - 1) <= 1e-3 ? undefined : `expected values that add up to 1, got a sum of ${show(sum)}`;
}

/** Without the digits that a float32 value does not have. */
function show(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(8));
}

function amount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
