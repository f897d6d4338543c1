import { Command } from 'commander';
import type { Prediction } from '../inference/predictFile.js';
import { deviceOf } from '../shared/device.js';
import { figure } from './format.js';

interface PredictFlags {
  readonly weights?: string;
  readonly engine?: string;
  readonly device?: string;
  readonly json?: boolean;
}

export function predictCommand(): Command {
  return new Command('predict')
    .description("what a run's model says of the samples in a file")
    .argument('<run>', 'folder of a run, such as runs/article, or a model: .h5, .keras, model.json or .onnx')
    .argument('<file>', 'inputs, IDX or .npy, of the shape that the model was trained on')
    .option('--weights <best|final>', "which of the run's models (default: best)")
    .option('--engine <name>', "what computes (default: the run's engine)")
    .option('--device <device>', 'what it computes on: auto, cpu, gpu, webgpu or cuda:N (default: as the run did)')
    .option('--json', 'print a line of JSON a sample')
    .addHelpText('after', '\nExample:\n  bpnn-dist predict runs/article digits.npy')
    .action(predictRun);
}

async function predictRun(folder: string, file: string, { weights, engine, device, json }: PredictFlags): Promise<void> {
  const { loadModel } = await import('../inference/loadModel.js');
  const { predictFile } = await import('../inference/predictFile.js');
  const { weightsChoice } = await import('./weightsChoice.js');
  const model = await loadModel(folder, {
    weights: weightsChoice(weights),
    engine,
    device: device === undefined ? undefined : deviceOf(device),
  });
  try {
    for await (const prediction of predictFile(model, file)) {
      process.stdout.write(`${json ? JSON.stringify(prediction) : line(prediction)}\n`);
    }
  } finally {
    await model.close();
  }
}

/** `sample 0  class 7  probability 0.9998`, or the outputs where there are no classes. */
function line({ sample, outputs, class: named, probability }: Prediction): string {
  if (named === undefined || probability === undefined) return `sample ${sample}  ${outputs.map(figure).join('  ')}`;
  return `sample ${sample}  class ${named}  probability ${figure(probability)}`;
}
