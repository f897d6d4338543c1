import type { SplitCounts } from '../coordinator/training/trainingPlan.js';
import { lostValues } from '../data/lostPrecision.js';
import type { Data } from '../data/openData.js';
import { neverTrained } from '../data/samples/classesApart.js';
import { outOfReach, targetEncoding } from '../data/samples/targets.js';
import { type Config, defaultBatchSize } from '../shared/config/configSchema.js';
import type { Network } from '../shared/model/network.js';

/** What a person should know before the first step: a run goes on, but perhaps not as it was meant. */

export function dataNotes({ model, loss, validationSplit }: Config, { outputs }: Network, data: Data): string[] {
  const { train, validation, preparation, classes, schema } = data;
  const encoding = targetEncoding(loss, outputs, train);
  const isNormalized = preparation !== undefined && 'subtract' in preparation;
  const columns = schema?.inputs.every(({ kind }) => kind === 'number') ? schema.inputs.map(({ name }) => name) : undefined;
  const last = model.layers.findLast((layer) => layer.kind === 'dense');
  const unreached = last && outOfReach(last.activation, encoding, train);
  const untrained = validation && validationSplit > 0 && encoding.kind === 'oneHot' ? neverTrained(train, validation, classes) : undefined;
  return [
    ...(isNormalized ? [] : lostValues(train.x, columns, 'normalize: standardize keeps them apart')),
    ...(encoding.kind === 'oneHot' ? [] : lostValues(train.y, undefined, 'predict differences from a value instead')),
    ...(unreached === undefined ? [] : [unreached]),
    ...(untrained === undefined ? [] : [untrained]),
  ];
}

/** A batch that was asked for and is larger than the data; the default one says nothing. */
export function shortBatchNotes({ batchSize }: Config, { train }: SplitCounts): string[] {
  if (batchSize <= train || batchSize === defaultBatchSize) return [];
  return [`batchSize: ${batchSize} is more than the ${train} training samples: every step takes all of them`];
}
