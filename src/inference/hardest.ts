import { cachesElsewhere } from '../data/cache/place.js';
import { loadJudged } from '../data/openData.js';
import { isAddress } from '../data/remote/dataAddress.js';
import type { Dataset } from '../data/samples/dataset.js';
import { type DataSpec, mapPaths } from '../shared/config/dataSchema.js';
import { judgesImages } from '../shared/config/judgesImages.js';
import type { HardestImages } from '../shared/model/hardestImages.js';
import { imageShape } from '../shared/model/image.js';
import { UsageError } from '../shared/text/errors.js';
import { type Judgement, judgements } from './judge.js';
import { loadModel } from './loadModel.js';

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
    if (config) refuseAddresses(config.data, folder);
    const place = { folders: cachesElsewhere(config?.runs ?? 'runs') };
    const judged = config && judgesImages(config) ? await loadJudged(config.data, config.validationSplit, place) : undefined;
    if (!config || !shape || !judged) throw new UsageError(`${folder}: there are no images of classes to judge its model by`);
    const { part, dataset } = judged;
    const missed: Judgement[] = [];
    for await (const judgement of judgements(model, dataset, config.loss, part)) {
      if (judgement.class !== judgement.target) missed.push(judgement);
    }
    const hardest = missed.toSorted((a, b) => a.ofTarget - b.ofTarget).slice(0, count);
    const images = hardest.map(({ ofTarget, ...hard }) => ({ ...hard, pixels: pixelsOf(dataset, hard.sample, network.inputs) }));
    return { part, samples: dataset.count, wrong: missed.length, ...shape, images };
  } finally {
    await model.close();
  }
}

/** Whoever looks at a run that came from elsewhere asks no server that it names. */
function refuseAddresses(data: DataSpec, folder: string): void {
  mapPaths(data, (path) => {
    if (isAddress(path))
      throw new UsageError(
        `${folder}: its data are at an address, which looking at a run does not fetch; bpnn-dist evaluate RUN --report does`,
      );
    return path;
  });
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
