import type { Launcher } from '../launch/launcher.js';
import { localLauncher } from '../launch/localLauncher.js';
import type { RunKeys } from '../shared/transport/keys.js';
import type { Launchers } from './endpoint.js';
import type { RunOptions } from './runPorts.js';

/** What a run's own processes have in common. */
export interface LaunchPlace {
  /** Where the coordinator listens. */
  readonly address: string;
  readonly keys: RunKeys | undefined;
  /** The memory that they share with it, as an open file. */
  readonly sharedFile: number | undefined;
  readonly workers: number;
}

/** Does a run start its workers itself? */
export function startsWorkers({ workers }: Pick<RunOptions, 'workers'>): boolean {
  return workers === 'local' || workers.launch !== undefined;
}

/** What starts the workers, if the run does. */
export function launchersOf(
  { workers, observer, logFormat = 'human' }: Pick<RunOptions, 'workers' | 'observer' | 'logFormat'>,
  { address, keys, sharedFile, workers: count }: LaunchPlace,
): Launchers | undefined {
  if (workers === 'local') {
    const launcher = localLauncher({ address, sharedFile, logFormat });
    return { workers: new Array<Launcher>(count).fill(launcher), aggregators: [] };
  }
  const { launch } = workers;
  if (!launch) return undefined;
  if (!keys) throw new RangeError('workers that are started elsewhere need keys');
  return launch({ address, keys, logFormat, onLine: (name, line) => observer.onWorkerLine?.(name, line) });
}
