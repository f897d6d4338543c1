import { isAbsolute, join, resolve } from 'node:path';
import { isAddress } from '../data/remote/dataAddress.js';
import { isMapping } from '../shared/config/merge.js';

type Mapping = Readonly<Record<string, unknown>>;

/** Keys of data that name files or folders, and those of its other parts. */
const pathKeys: ReadonlySet<string> = new Set(['x', 'y', 'table', 'images']);
/** Those that name columns where the data are a table. */
const columnOrPathKeys: ReadonlySet<string> = new Set(['sampleWeights', 'groups']);
const partKeys: ReadonlySet<string> = new Set(['validation', 'test']);

/** Are the data of a config, as it stands in a file, a table? */
export function isOfTable({ data }: Mapping): boolean {
  return isMapping(data) && 'table' in data;
}

/**
 * A config, as it stands in a file, with the full paths of what it reads: workers may run in other folders. The folder
 * of the runs stays as it is named, but for where the name begins.
 * @param folder that relative paths begin at
 */
export function pathsFrom(folder: string, config: Mapping, isTable = isOfTable(config)): Mapping {
  const full = (value: unknown): unknown => (typeof value === 'string' && !isAddress(value) ? resolve(folder, value) : value);
  const isPath = (key: string): boolean => pathKeys.has(key) || (!isTable && columnOrPathKeys.has(key));
  const data = (value: unknown): unknown => {
    if (!isMapping(value)) return value;
    const entries = Object.entries(value).map(([key, inner]) => [key, isPath(key) ? full(inner) : partKeys.has(key) ? data(inner) : inner]);
    return Object.fromEntries(entries);
  };
  const result: Record<string, unknown> = { ...config };
  if ('data' in result) result['data'] = data(result['data']);
  for (const key of ['initialWeights', 'from']) if (key in result) result[key] = full(result[key]);
  const { runs } = config;
  if (typeof runs === 'string' && runs !== '' && !isAbsolute(runs)) result['runs'] = join(folder, runs);
  return result;
}
