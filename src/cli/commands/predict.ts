import { createWriteStream, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Command } from 'commander';
import type { Prediction } from '../../inference/predictFile.js';
import { deviceOf } from '../../shared/engine/device.js';
import { makeTemporaryFolder } from '../../shared/files/temporaryFolder.js';
import { printableLine } from '../../shared/text/printable.js';
import { say } from '../../shared/text/say.js';
import { wholeFlag } from '../flags/wholeFlag.js';
import { onStopSignal } from '../process/stopSignals.js';
import { figure } from '../screen/format.js';
import { print } from '../screen/print.js';

interface PredictFlags {
  readonly weights?: string;
  readonly engine?: string;
  readonly device?: string;
  readonly threads?: string;
  readonly workers: string;
  readonly json?: boolean;
}

export function predictCommand(): Command {
  return new Command('predict')
    .description("what a run's model says of the samples in a file")
    .argument('<run>', 'folder of a run, such as runs/article, or a model: .h5, .keras, model.json or .onnx')
    .argument(
      '[file]',
      'samples: IDX or .npy; CSV, JSON lines or Parquet with the columns of training; PNG or JPEG; or the address of one (default: - for stdin)',
      '-',
    )
    .option('--weights <best|final>', "which of the run's models (default: best)")
    .option('--engine <name>', "what computes (default: the run's engine)")
    .option('--device <device>', 'what it computes on: auto, cpu, gpu, webgpu or cuda:N (default: as the run did)')
    .option('--threads <n>', "threads of the engine (default: the run's)")
    .option('--workers <n>', 'processes that compute, each with that many threads', '1')
    .option('--json', 'print a line of JSON a sample')
    .addHelpText(
      'after',
      '\nExamples:\n  bpnn-dist predict runs/article digits.npy\n  bpnn-dist predict best_model.h5 seven.png\n  bpnn-dist predict runs/flowers < new.csv',
    )
    .action(predictRun);
}

async function predictRun(folder: string, file: string, flags: PredictFlags): Promise<void> {
  const { weights, engine, device, threads, json } = flags;
  const workers = wholeFlag('--workers', flags.workers);
  const { loadModel } = await import('../../inference/loadModel.js');
  const { predictFile } = await import('../../inference/predictFile.js');
  const { weightsChoice } = await import('../flags/weightsChoice.js');
  const model = await loadModel(folder, {
    say,
    weights: weightsChoice(weights),
    engine,
    device: device === undefined ? undefined : deviceOf(device),
    threads: threads === undefined ? undefined : wholeFlag('--threads', threads),
  });
  try {
    await withFile(file, async (path) => {
      for await (const prediction of predictFile(model, path, { workers, say })) {
        print(json ? JSON.stringify(prediction) : printableLine(line(prediction)));
      }
    });
  } finally {
    await model.close();
  }
}

/** What comes over stdin is laid into a file first: tables are looked at before they are read, and images have an end. */
async function withFile(file: string, use: (path: string) => Promise<void>): Promise<void> {
  if (file !== '-') {
    const { cachesElsewhere } = await import('../../data/cache/place.js');
    const { localCopy } = await import('../../data/remote/localCopies.js');
    return use(await localCopy(file, { folders: cachesElsewhere('runs'), say }));
  }
  const folder = makeTemporaryFolder();
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  // Also where whoever reads our results has had enough.
  process.once('exit', remove);
  const stopListening = onStopSignal(() => process.exit(130));
  try {
    const path = join(folder, 'stdin');
    await pipeline(process.stdin, createWriteStream(path));
    await use(path);
  } finally {
    remove();
    process.off('exit', remove);
    stopListening();
  }
}

/** `sample 0  class 7  probability 0.9998`, or the outputs where there are no classes, or none is named. */
function line({ sample, outputs, class: number, label, probability }: Prediction): string {
  if (number === null) return `sample ${sample}  no class  ${outputs.map(figure).join('  ')}`;
  if (number === undefined || probability === undefined || probability === null)
    return `sample ${sample}  ${outputs.map(figure).join('  ')}`;
  return `sample ${sample}  class ${label ?? number}  probability ${figure(probability)}`;
}
