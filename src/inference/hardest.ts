import { BatchReader } from '../data/batch.js';
import { cachesElsewhere } from '../data/cache/place.js';
import type { Dataset } from '../data/dataset.js';
import { loadJudged } from '../data/open.js';
import { checkTargets } from '../data/targets.js';
import { UsageError } from '../shared/errors.js';
import type { HardestImages } from '../shared/hardestImages.js';
import { imageShape, judgesImages } from '../shared/model/image.js';
import { type Classification, mostProbable } from './classify.js';
import { loadModel } from './loadModel.js';

/** Samples read at a time. */
const chunkSize = 512;

interface Hard extends Classification {
  readonly sample: number;
  readonly target: number;
  /** That the model gives the target. */
  readonly ofTarget: number;
}

/**
 * The images of a run's test set (else of its validation set) that its best model gets most wrong: those to whose class it
 * gives the least probability. Computed on the CPU, beside a run that may be under way.
 * @throws UsageError where there is no model yet, or its samples are no images of classes
 */
export async function hardestImages(folder: string, count: number): Promise<HardestImages> {
  const model = await loadModel(folder, { engine: 'auto', device: 'cpu' });
  try {
    const { config, network, spec } = model;
    const shape = imageShape(spec.inputShape);
    const judged =
      config && judgesImages(config)
        ? await loadJudged(config.data, config.validationSplit, { folders: cachesElsewhere(config.runs) })
        : undefined;
    if (!config || !shape || !judged) throw new UsageError(`${folder}: there are no images of classes to judge its model by`);
    const { part, dataset } = judged;
    const reader = new BatchReader(dataset, checkTargets(config.loss, network.outputs, part, dataset), network.outputs, chunkSize);
    let wrong = 0;
    let hardest: Hard[] = [];
    for (let first = 0; first < dataset.count; first += chunkSize) {
      const size = Math.min(chunkSize, dataset.count - first);
      reader.fillRange(first, size);
      const outputs = await model.predict(reader.inputs.subarray(0, size * network.inputs));
      const found = Array.from({ length: size }, (_, row) => {
        const at = [row * network.outputs, (row + 1) * network.outputs] as const;
        return judge(first + row, outputs.subarray(...at), reader.targets.subarray(...at));
      });
      const missed = found.filter((one) => one.class !== one.target);
      wrong += missed.length;
      hardest = [...hardest, ...missed].sort((a, b) => a.ofTarget - b.ofTarget).slice(0, count);
    }
    const images = hardest.map(({ ofTarget, ...hard }) => ({ ...hard, pixels: pixelsOf(dataset, hard.sample, network.inputs) }));
    return { part, samples: dataset.count, wrong, ...shape, images };
  } finally {
    await model.close();
  }
}

function judge(sample: number, outputs: Float32Array, targets: Float32Array): Hard {
  const target = targets.indexOf(Math.max(...targets));
  return { sample, target, ...mostProbable(outputs), ofTarget: outputs[target] ?? 0 };
}

/** A sample as bytes: its least value is 0, its largest 255. */
function pixelsOf(dataset: Dataset, sample: number, width: number): string {
  const row = dataset.inputs(1);
  row.load(0, sample);
  row.finish(1);
  const values = row.values.subarray(0, width);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return Buffer.from(Uint8Array.from(values, (value) => Math.round(((value - low) / (high - low || 1)) * 255))).toString('base64');
}
