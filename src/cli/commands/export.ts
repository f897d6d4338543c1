import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { Command, Option } from 'commander';
import { errorCode, errorMessage, RunError, UsageError } from '../../shared/text/errors.js';
import { say } from '../../shared/text/say.js';
import { weightsChoice } from '../flags/weightsChoice.js';
import { print } from '../screen/print.js';

interface ExportFlags {
  readonly format: string;
  readonly output?: string;
  readonly weights?: string;
  readonly optimizer: boolean;
  readonly force?: boolean;
}

export function exportCommand(): Command {
  return new Command('export')
    .description("write a run's model for Keras, tfjs or an ONNX runtime; or a model file in another format")
    .argument('<run>', 'folder of a run, such as runs/article; or a model: .h5, .keras, model.json or .onnx')
    .addOption(
      new Option('--format <format>', 'what to write: keras-h5 and keras for load_model, tfjs for loadLayersModel, onnx for a runtime')
        .choices(['keras-h5', 'keras', 'tfjs', 'onnx'])
        .makeOptionMandatory(),
    )
    .option('--output <path>', 'file to write, or with tfjs the folder (default: model.h5, model.keras, model.onnx or tfjs)')
    .option('--weights <best|final>', "which of the run's models (default: best)")
    .option('--no-optimizer', "leave the optimizer's state out of Keras's files")
    .option('--force', 'write over what is there')
    .addHelpText('after', '\nExample:\n  bpnn-dist export runs/article --format keras-h5 --output best_model.h5')
    .action(exportModel);
}

async function exportModel(path: string, { format, output, weights, optimizer, force }: ExportFlags): Promise<void> {
  const { exportFormats, isExportFormat, writeModelAs } = await import('../../formats/writeModel.js');
  const { trainableModel } = await import('../../inference/trainable.js');
  if (!isExportFormat(format)) throw new UsageError(`--format: expected one of ${Object.keys(exportFormats).join(', ')}, got ${format}`);
  const to = output ?? exportFormats[format];
  if (existsSync(to) && !force) throw new UsageError(`${to}: is there already: name another with --output, or write over it with --force`);
  const model = await trainableModel(path, weightsChoice(weights));
  const state = optimizer ? model.state : undefined;
  await writeModelAs(format, to, { ...model, state }).catch((error: unknown) => {
    throw new RunError(`${to}: cannot be written (${errorCode(error) || errorMessage(error).split('\n')[0]})`);
  });
  if (format.startsWith('keras') && optimizer && !state) {
    say(
      `without the optimizer's state: no checkpoint of ${basename(path)} was kept at these weights; training goes on with a fresh optimizer`,
    );
  }
  const { exportNotes } = await import('../../formats/exportNotes.js');
  for (const note of exportNotes(format, model)) say(note);
  const { onlyInTraining = [] } = model;
  if (onlyInTraining.length > 0) say(`left out, as only training has a use for it: ${onlyInTraining.join('; ')}`);
  const { normalize } = model.metadata;
  if (normalize && format !== 'onnx') {
    const how = 'subtract' in normalize ? 'each moved and divided' : `divided by ${normalize.divide}`;
    say(`the model takes inputs ${how}, as it was trained; only ONNX files do so by themselves`);
  }
  print(to);
}
