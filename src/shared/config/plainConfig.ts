import { stringify } from 'yaml';
import type { Layer, ModelSpec } from '../model/spec.js';
import type { Config } from './configSchema.js';

/** A config in the form it is read in, every default written out: `parseConfig` gives the same config back. */
export function plainConfig(config: Config): Record<string, unknown> {
  const { learningRate, ...optimizer } = config.optimizer;
  const isPlainRate = learningRate.schedule === 'constant' && learningRate.warmupSteps === 0;
  return {
    ...config,
    model: plainModel(config.model),
    optimizer: { ...optimizer, learningRate: isPlainRate ? learningRate.initial : learningRate },
  };
}

export function plainModel(model: ModelSpec): Record<string, unknown> {
  return { inputShape: model.inputShape, layers: model.layers.map(plainLayer) };
}

/** The text of a config.yaml. */
export function configYaml(config: Config): string {
  return stringify(plainConfig(config), { flowCollectionPadding: true, lineWidth: 120 });
}

function plainLayer(layer: Layer): unknown {
  switch (layer.kind) {
    case 'flatten':
      return 'flatten';
    case 'dropout':
      return { dropout: layer.rate };
    case 'dense': {
      const { kind, ...body } = layer;
      return { [kind]: body };
    }
  }
}
