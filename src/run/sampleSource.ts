import { setImmediate as turn } from 'node:timers/promises';
import { cachesOf } from '../data/cache/place.js';
import { fingerprintOf } from '../data/fingerprint.js';
import { type Data, loadData } from '../data/openData.js';
import { readingOf } from '../data/readingMemory.js';
import type { ArrayDataset } from '../data/samples/arrayDataset.js';
import { type DataLayout, type RawSamples, sampleBytes, type WantedSamples } from '../shared/protocol/dataLayout.js';
import { errorMessage, RunError } from '../shared/text/errors.js';
import type { PreparedRun } from './prepareRun.js';

/** Samples that are read at once, between two turns of the event loop. */
const sliceSamples = 256;

/**
 * Gets samples of a run's data for workers that lack them. The data are opened once some are wanted.
 * @throws RunError where they cannot be read, or are not what they were
 */
export function sampleGiver({ plan, fingerprint }: PreparedRun): (wanted: WantedSamples) => Promise<RawSamples> {
  const { config } = plan;
  let data: Promise<Data> | undefined;
  return async ({ split, samples }) => {
    data ??= open(config, fingerprint);
    try {
      const dataset = (await data)[split];
      return dataset ? await read(dataset, samples) : [];
    } catch (error) {
      // What was amiss may be mended by the next time.
      data = undefined;
      throw new RunError(`samples that the worker lacks cannot be had: ${errorMessage(error)}`);
    }
  };
}

async function open(config: PreparedRun['plan']['config'], fingerprint: string): Promise<Data> {
  const data = await loadData(config.data, config.validationSplit, { folders: cachesOf(config.runs) }, readingOf(config));
  if (fingerprintOf(data) !== fingerprint) throw new RunError("the coordinator's files have changed since the run began");
  return data;
}

/** Training goes on meanwhile. */
async function read(dataset: ArrayDataset, samples: readonly number[]): Promise<RawSamples> {
  const slices: RawSamples[] = [];
  for (let first = 0; first < samples.length; first += sliceSamples) {
    if (first > 0) await turn();
    slices.push(dataset.raw(samples.slice(first, first + sliceSamples)));
  }
  const [one] = slices;
  return (one ?? []).map((_, array) => Buffer.concat(slices.map((slice) => slice[array] ?? new Uint8Array())));
}

/** What a person should know of a worker that lacks the data, and what it costs. */
export function lacksData(reason: string, layout: DataLayout): string {
  const parts = [layout.train, layout.validation, layout.test].flatMap((part) => part ?? []);
  const all = parts.reduce((sum, part) => sum + part.count * sampleBytes(part), 0);
  return `lacks the data (${reason}): it gets its samples from the coordinator, ${sampleBytes(layout.train)} bytes each, at most ${megabytes(all)} MB in all, and keeps them`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toPrecision(2);
}
