import { join, resolve } from 'node:path';
import { cachesUnder } from '../../data/cache/place.js';
import { underRoot, urlsUnder } from '../../data/dataRoot.js';
import { fingerprintOf } from '../../data/fingerprint.js';
import { preparationOf } from '../../data/normalize.js';
import { loadData } from '../../data/openData.js';
import { readingOf } from '../../data/readingMemory.js';
import type { DataSplits } from '../../data/samples/dataset.js';
import { SampleStore } from '../../data/samples/sampleStore.js';
import type { Config } from '../../shared/config/configSchema.js';
import { cacheFolder } from '../../shared/files/home.js';
import type { SplitLayout } from '../../shared/protocol/dataLayout.js';
import type { Message } from '../../shared/protocol/protocol.js';
import { ConfigError, DataError, ProtocolError } from '../../shared/text/errors.js';
import type { DataWait } from './dataWait.js';
import type { SampleRequests } from './sampleRequests.js';

/** What a worker may read. */
export interface DataAccess {
  /** The only folder that the coordinator can name files in. */
  readonly dataRoot: string;
  /** What addresses begin with that the coordinator can name; of a root that is `/`, any can be named. */
  readonly dataUrls?: readonly string[] | undefined;
  /** One line for a person about what the worker is doing. */
  readonly say: (line: string) => void;
}

/** The samples of a run, as far as this machine has them. */
export interface Samples {
  readonly splits: DataSplits;
  readonly fingerprint: string;
  /** Why they are not read from the files that the run names, where they are not. */
  readonly lacks: string | undefined;
  close(): void;
}

/**
 * Opens the run's files; where this machine lacks them, samples come from the coordinator as they are needed.
 * @throws UsageError, ProtocolError for what cannot be
 */
export async function openSamples(
  message: Pick<Message<'configure'>, 'fingerprint' | 'layout'>,
  config: Config,
  { dataRoot, dataUrls = [], say }: DataAccess,
  { requests, signal }: Pick<DataWait, 'requests' | 'signal'>,
): Promise<Samples> {
  const urls = urlsUnder(dataRoot, dataUrls);
  const own = { ...(resolve(dataRoot) !== '/' && { root: dataRoot }), urls, say, signal };
  const place = { folders: cachesUnder(dataRoot, config.runs), ...own };
  try {
    const splits = await loadData(underRoot(config.data, dataRoot, urls), config.validationSplit, place, readingOf(config));
    return { splits, fingerprint: fingerprintOf(splits), lacks: undefined, close: () => undefined };
  } catch (error) {
    // What the config is wrong for is other data: the coordinator has checked it with its own.
    if (!(error instanceof DataError || error instanceof ConfigError)) throw error;
    return lackedSamples(message, config, error.message, say, requests);
  }
}

function lackedSamples(
  { fingerprint, layout }: Pick<Message<'configure'>, 'fingerprint' | 'layout'>,
  config: Config,
  lacks: string,
  say: (line: string) => void,
  requests: SampleRequests,
): Samples {
  if (!/^[0-9a-f]{16}$/.test(fingerprint)) throw new ProtocolError(`the coordinator names its data ${fingerprint}`);
  const folder = join(cacheFolder(), 'samples', fingerprint);
  const preparation = preparationOf(config.data);
  const open = (split: 'train' | 'validation' | 'test', of: SplitLayout): SampleStore =>
    new SampleStore({ folder: join(folder, split), layout: of, preparation, fingerprint, ask: (samples) => requests.ask(split, samples) });
  const splits = {
    train: open('train', layout.train),
    validation: layout.validation && open('validation', layout.validation),
    test: layout.test && open('test', layout.test),
  };
  say(`${lacks}: samples come from the coordinator as they are needed, and are kept in ${folder}`);
  const stores = [splits.train, splits.validation, splits.test];
  return {
    ...{ splits, fingerprint, lacks },
    close() {
      for (const store of stores) store?.close();
    },
  };
}
