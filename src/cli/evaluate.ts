import { Command } from 'commander';
import { deviceOf } from '../shared/device.js';
import { figure } from './format.js';

interface EvaluateFlags {
  readonly weights?: string;
  readonly engine?: string;
  readonly device?: string;
  readonly json?: boolean;
}

export function evaluateCommand(): Command {
  return new Command('evaluate')
    .description("loss and metrics of a run's model on the run's test set")
    .argument('<run>', 'folder of a run, such as runs/article')
    .option('--weights <best|final>', "which of the run's models (default: best)")
    .option('--engine <name>', "what computes (default: the run's engine)")
    .option('--device <device>', 'what it computes on: auto, cpu, gpu, webgpu or cuda:N (default: as the run did)')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  bpnn-dist evaluate runs/article')
    .action(evaluateRun);
}

async function evaluateRun(folder: string, { weights, engine, device, json }: EvaluateFlags): Promise<void> {
  const { loadModel } = await import('../inference/loadModel.js');
  const { evaluatePart } = await import('../inference/evaluate.js');
  const { weightsChoice } = await import('./weightsChoice.js');
  const model = await loadModel(folder, {
    weights: weightsChoice(weights),
    engine,
    device: device === undefined ? undefined : deviceOf(device),
  });
  try {
    const figures = await evaluatePart(model);
    const lines = Object.entries(figures).map(([name, value]) => `${name} ${name === 'samples' ? value : figure(value)}`);
    process.stdout.write(`${json ? JSON.stringify(figures) : lines.join('\n')}\n`);
  } finally {
    await model.close();
  }
}
