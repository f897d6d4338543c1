import { BatchReader } from '../data/samples/batch.js';
import type { Dataset, PartName } from '../data/samples/dataset.js';
import { checkTargets } from '../data/samples/targets.js';
import type { Loss } from '../shared/model/spec.js';
import { UsageError } from '../shared/text/errors.js';
import { type Classification, classifierOf } from './classify.js';
import type { Model } from './model.js';

/** What a model says of a sample whose class is known. */
export interface Judgement extends Classification {
  readonly sample: number;
  /** The class that it is of. */
  readonly target: number;
  /** Probability that the model gives to that class. */
  readonly ofTarget: number;
}

/** Samples read at a time. */
const chunkSize = 512;

/** Has a model classes? */
export function hasClasses({ spec }: Pick<Model, 'spec'>): boolean {
  return classifierOf(spec) !== undefined;
}

/**
 * What a model says of every sample of a dataset, in its order.
 * @throws UsageError where its outputs name no class, DataError where the targets do not fit the loss
 */
export async function* judgements(model: Model, dataset: Dataset, loss: Loss, part: PartName): AsyncGenerator<Judgement, void> {
  const { network, folder } = model;
  const classify = classifierOf(model.spec);
  if (!classify)
    throw new UsageError(`${folder}: its outputs name no class: expected a last layer with softmax, or with sigmoid and one unit`);
  const reader = new BatchReader(dataset, checkTargets(loss, network.outputs, part, dataset), network.outputs, chunkSize);
  for (let first = 0; first < dataset.count; first += chunkSize) {
    const count = Math.min(chunkSize, dataset.count - first);
    reader.fillRange(first, count);
    const given = await model.predict(reader.inputs.subarray(0, count * network.inputs));
    for (let row = 0; row < count; row++) {
      const at = [row * network.outputs, (row + 1) * network.outputs] as const;
      const [outputs, targets] = [given.subarray(...at), reader.targets.subarray(...at)];
      // A target of several probabilities counts as the class that has most of it.
      const target = network.outputs === 1 ? Number((targets[0] ?? 0) > 0.5) : targets.indexOf(Math.max(...targets));
      const ofTarget = network.outputs === 1 && target === 0 ? 1 - (outputs[0] ?? 0) : (outputs[network.outputs === 1 ? 0 : target] ?? 0);
      yield { sample: first + row, target, ...classify([...outputs]), ofTarget };
    }
  }
}
