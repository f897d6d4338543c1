import { cachesOf } from '../data/cache/place.js';
import { fingerprintOf } from '../data/fingerprint.js';
import { readingOf } from '../data/memory.js';
import { type Data, loadData } from '../data/open.js';
import { sampleBytes } from '../data/sampleStore.js';
import type { DataLayout, RawSamples } from '../shared/dataLayout.js';
import { ProtocolError, RunError } from '../shared/errors.js';
import type { Message } from '../shared/protocol.js';
import type { PreparedRun } from './prepare.js';

/** Bytes that one request may be for, unless it is for one sample. */
const mostBytes = 2 ** 26;

/**
 * Gets samples of a run's data for workers that lack them. The data are opened once some are wanted.
 * @throws ProtocolError for samples that are not there, RunError where the files are not what they were
 */
export function samplesOf({ plan, fingerprint, layout }: PreparedRun): (wanted: Message<'wants'>) => Promise<RawSamples> {
  const { config } = plan;
  let data: Promise<Data> | undefined;
  return async ({ part, samples }) => {
    const known = layout[part];
    if (!known || samples.some((sample) => sample >= known.count)) throw new ProtocolError(`wants samples of ${part} that are not there`);
    if (samples.length > 1 && samples.length * sampleBytes(known) > mostBytes)
      throw new ProtocolError(`wants ${samples.length} samples at once, which are more than ${mostBytes} bytes`);
    data ??= open(config, fingerprint);
    return (await data)[part]?.raw(samples) ?? [];
  };
}

async function open(config: PreparedRun['plan']['config'], fingerprint: string): Promise<Data> {
  const data = await loadData(config.data, config.validationSplit, { folders: cachesOf(config.runs) }, readingOf(config));
  if (fingerprintOf(data) !== fingerprint) throw new RunError('lacks data that have changed on the coordinator since the run began');
  return data;
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
