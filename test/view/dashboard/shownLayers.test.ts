import { test } from 'tap';
import { parseConfig } from '../../../src/shared/config/parseConfig.js';
import { layersOf } from '../../../src/view/dashboard/shownLayers.js';

test('the layers of a network, as Keras counts their parameters', async (t) => {
  const model = {
    inputShape: [28, 28],
    layers: [
      'flatten',
      { dense: { units: 128, activation: 'relu' } },
      { dropout: 0.5 },
      { dense: { units: 10, activation: 'softmax', useBias: false } },
    ],
  };
  t.same(layersOf(parseConfig({ model }, 'test', { cores: 1 }).model), [
    { name: 'input', detail: '', outputShape: [28, 28], parameters: 0 },
    { name: 'flatten', detail: '', outputShape: [784], parameters: 0 },
    { name: 'dense', detail: 'relu', outputShape: [128], parameters: 100_480 },
    { name: 'dropout', detail: '0.5', outputShape: [128], parameters: 0 },
    { name: 'dense', detail: 'softmax', outputShape: [10], parameters: 1_280 },
  ]);
});
