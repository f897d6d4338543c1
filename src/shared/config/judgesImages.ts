import { imageShape } from '../model/image.js';
import type { Config } from './configSchema.js';

/** Are a run's samples images, each of one class, and is there a part to judge its model by? */
export function judgesImages({ model, loss, data, validationSplit }: Pick<Config, 'model' | 'loss' | 'data' | 'validationSplit'>): boolean {
  const isCategorical = loss === 'categoricalCrossentropy' || loss === 'sparseCategoricalCrossentropy';
  const hasPart = 'name' in data || validationSplit > 0 || data.test !== undefined || data.validation !== undefined;
  return isCategorical && hasPart && imageShape(model.inputShape) !== undefined;
}
