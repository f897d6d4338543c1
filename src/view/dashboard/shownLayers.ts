import { sizeOf } from '../../shared/model/shape.js';
import type { ModelSpec } from '../../shared/model/spec.js';
import type { LayerInfo } from './api.js';

/** The layers of a network with what they give and how much they learn, as Keras's `summary` has them. */
export function layersOf({ inputShape, layers }: ModelSpec): LayerInfo[] {
  let shape = inputShape;
  const found: LayerInfo[] = [{ name: 'input', detail: '', outputShape: shape, parameters: 0 }];
  for (const layer of layers) {
    switch (layer.kind) {
      case 'flatten':
        shape = [sizeOf(shape)];
        found.push({ name: 'flatten', detail: '', outputShape: shape, parameters: 0 });
        break;
      case 'dropout':
        found.push({ name: 'dropout', detail: String(layer.rate), outputShape: shape, parameters: 0 });
        break;
      case 'dense': {
        const inputs = shape.at(-1) ?? 0;
        shape = [...shape.slice(0, -1), layer.units];
        const parameters = (inputs + (layer.useBias ? 1 : 0)) * layer.units;
        found.push({
          name: layer.name ?? 'dense',
          detail: layer.trainable ? layer.activation : `${layer.activation}, frozen`,
          outputShape: shape,
          parameters,
        });
        break;
      }
      default:
        layer satisfies never;
    }
  }
  return found;
}
