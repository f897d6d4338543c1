import { Command } from 'commander';
import type { ClassReport } from '../../inference/classReport.js';
import type { Evaluation } from '../../inference/evaluateModel.js';
import { machineHere } from '../../shared/config/machine.js';
import { deviceOf } from '../../shared/engine/device.js';
import { UsageError } from '../../shared/text/errors.js';
import { say } from '../../shared/text/say.js';
import { textTable } from '../../shared/text/textTable.js';
import { figure } from '../screen/format.js';
import { print } from '../screen/print.js';

interface EvaluateFlags {
  readonly weights?: string;
  readonly engine?: string;
  readonly device?: string;
  readonly data?: string;
  readonly report?: boolean;
  readonly json?: boolean;
}

export function evaluateCommand(): Command {
  return new Command('evaluate')
    .description("loss and metrics of a run's model on the run's test set, or of any model on other data")
    .argument('<run>', 'folder of a run, such as runs/article, or a model: .h5, .keras, model.json or .onnx')
    .option(
      '--data <data>',
      'data as a config has them: mnist, or YAML such as "{ table: new.csv, target: kind }"; of these the test part, else all',
    )
    .option('--report', 'also the confusion matrix, precision and recall of each class, calibration, and the samples that are most wrong')
    .option('--weights <best|final>', "which of the run's models (default: best)")
    .option('--engine <name>', "what computes (default: the run's engine)")
    .option('--device <device>', 'what it computes on: auto, cpu, gpu, webgpu or cuda:N (default: as the run did)')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  bpnn-dist evaluate runs/article --report\n  bpnn-dist evaluate best_model.h5 --data "{ x: x.npy, y: y.npy, normalize: { divide: 255 } }"',
    )
    .action(evaluateRun);
}

/** Samples that are listed as most wrong. */
const worstShown = 10;

async function evaluateRun(folder: string, { weights, engine, device, data, report: wantsReport, json }: EvaluateFlags): Promise<void> {
  const { loadModel } = await import('../../inference/loadModel.js');
  const { classReport, evaluate, otherData, partOf } = await import('../../inference/evaluateModel.js');
  const { hasClasses } = await import('../../inference/judge.js');
  const { weightsChoice } = await import('../flags/weightsChoice.js');
  const model = await loadModel(folder, {
    say,
    weights: weightsChoice(weights),
    engine,
    device: device === undefined ? undefined : deviceOf(device),
  });
  try {
    const dataset = data === undefined ? await partOf(model, 'test', say) : await otherData(model, await dataSpec(data), say);
    if (wantsReport && !hasClasses(model))
      throw new UsageError('--report: expected a model of classes, whose last layer has softmax, or sigmoid and one unit');
    const figures = await evaluate(model, dataset);
    const report = wantsReport ? await classReport(model, dataset, 'test', worstShown) : undefined;
    const text = [figuresText(figures), ...(report ? [reportText(report)] : [])].join('\n\n');
    print(json ? JSON.stringify({ ...figures, ...report }) : text);
  } finally {
    await model.close();
  }
}

/** Data as a config has them. */
async function dataSpec(text: string) {
  const { readConfigText } = await import('../../shared/config/configText.js');
  const { parseConfig } = await import('../../shared/config/parseConfig.js');
  return parseConfig({ data: readConfigText('--data', text, ['data']) }, '--data', machineHere()).data;
}

function figuresText(figures: Evaluation): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${name === 'samples' ? value : figure(value)}`)
    .join('\n');
}

function reportText({ classes, confusion, calibration, calibrationError, worst }: ClassReport): string {
  const name = (number: number): string => classes[number]?.class ?? String(number);
  const perClass = [
    ['class', 'samples', 'given', 'precision', 'recall'],
    ...classes.map((one) => [one.class, String(one.samples), String(one.given), figure(one.precision), figure(one.recall)]),
  ];
  const matrix = [['', ...classes.map((_, i) => name(i))], ...confusion.map((row, i) => [name(i), ...row.map(String)])];
  const bins = [
    ['probability', 'samples', 'mean', 'right'],
    ...calibration.map(({ from, to, samples, confidence, accuracy }) => [
      `${from.toFixed(1)} to ${to.toFixed(1)}`,
      String(samples),
      figure(confidence),
      figure(accuracy),
    ]),
  ];
  const wrong = [
    ['sample', 'is', 'given', 'probability', 'of its own'],
    ...worst.map(({ sample, target, class: given, probability, ofTarget }) => [
      String(sample),
      name(target),
      name(given),
      figure(probability),
      figure(ofTarget),
    ]),
  ];
  return [
    textTable(perClass),
    `confusion: what samples are (rows) and what they are given (columns)\n${textTable(matrix)}`,
    `calibration: how probable the model says its class is, and how often it is right; error ${figure(calibrationError)}\n${textTable(bins)}`,
    worst.length === 0 ? 'none is wrong' : `most wrong\n${textTable(wrong)}`,
  ].join('\n\n');
}
