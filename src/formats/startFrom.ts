import { isMapping } from '../shared/config/merge.js';
import { plainModel } from '../shared/config/plainConfig.js';
import { type ParameterLayout, viewOf } from '../shared/model/layout.js';
import { buildNetwork } from '../shared/model/network.js';
import { DataError, UsageError } from '../shared/text/errors.js';
import type { ModelMetadata } from './metadata.js';
import { readModelAt } from './openModel.js';

type Mapping = Readonly<Record<string, unknown>>;

/**
 * A config with what its `from` brings along filled in, where it does not say otherwise: the model, with its loss and
 * metrics, and how the inputs of files are prepared.
 * @param given as it stands in a file
 * @throws UsageError, DataError where the model cannot be read, does not say what it was trained for, or was trained with what
 *   there is none of here
 */
export async function withModelFrom(given: Mapping): Promise<Mapping> {
  const { from, data } = given;
  if (typeof from !== 'string' || from === '' || 'model' in given) return given;
  const { spec, metadata, onlyInTraining = [] } = (await readModelAt(from)).model;
  if (onlyInTraining.length > 0) {
    throw new DataError(
      `${from}: its training has what there is none of here: ${onlyInTraining.join('; ')}: describe the network in the config (model) to train it without`,
    );
  }
  const { loss, metrics, normalize } = metadata;
  if (loss === undefined && !('loss' in given)) {
    throw new UsageError(`${from}: does not say what loss it was trained for: give one (loss, or --loss), such as categoricalCrossentropy`);
  }
  const isBare = isMapping(data) && !('name' in data) && !('normalize' in data);
  return {
    ...given,
    model: plainModel(spec),
    ...('loss' in given || loss === undefined ? {} : { loss, ...(!('metrics' in given) && metrics && { metrics: [...metrics] }) }),
    ...(isBare && normalize && { data: { ...data, normalize } }),
  };
}

/** Weights to start with, and what a person should know of them. */
export interface StartingWeights {
  readonly weights: Float32Array;
  readonly notes: readonly string[];
}

/**
 * Weights that begin as those of another model. A config that has a model of its own may differ in some layers, such as
 * the last one: those begin with fresh weights.
 * @param fresh weights of the layout's own; those that are found are written over them
 * @param own what the data's classes and columns are called
 * @throws DataError where no layer fits
 */
export async function weightsFrom(
  path: string,
  layout: ParameterLayout,
  fresh: Float32Array,
  own: Pick<ModelMetadata, 'classes' | 'schema'>,
): Promise<StartingWeights> {
  const { model } = await readModelAt(path);
  const there = buildNetwork(model.spec).layout.parameters;
  const missed: string[] = [];
  for (const [i, parameter] of layout.parameters.entries()) {
    const other = there[i];
    const [expected, got] = [parameter.shape, other?.shape ?? []].map((shape) => `[${shape.join(', ')}]`);
    if (other && expected === got) viewOf(fresh, parameter).set(viewOf(model.weights, other));
    else missed.push(`${parameter.name} ${expected}${other ? `, there ${got}` : ''}`);
  }
  if (missed.length === layout.parameters.length) {
    throw new DataError(`${path}: none of its weights fit the config's model: ${missed.join('; ')}`);
  }
  const notes = missed.length === 0 ? [] : [`from ${path}; with fresh weights: ${missed.join('; ')}`];
  return { weights: fresh, notes: [...notes, ...differences(path, model.metadata, own)] };
}

/** Inputs or outputs that mean something else than they did. */
function differences(path: string, there: ModelMetadata, here: Pick<ModelMetadata, 'classes' | 'schema'>): string[] {
  const namesOf = ({ schema }: Pick<ModelMetadata, 'schema'>): string | undefined =>
    schema?.inputs
      .map((column) => (column.kind === 'category' ? `${column.name} (${column.categories?.join(', ')})` : column.name))
      .join(', ');
  const pairs = [
    ['classes', there.classes?.join(', '), here.classes?.join(', ')],
    ['columns', namesOf(there), namesOf(here)],
  ] as const;
  return pairs
    .filter(([, was, is]) => was !== undefined && is !== undefined && was !== is)
    .map(([what, was, is]) => `${path} was trained on other ${what}: ${was}; the data have ${is}`);
}
