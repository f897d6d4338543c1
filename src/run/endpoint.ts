import { existsSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Launcher } from '../launch/launcher.js';
import type { Resumption } from '../runFolder/resume.js';
import type { RunFolder } from '../runFolder/runFolder.js';
import { longestSocketPath, makeTemporaryFolder } from '../shared/files/temporaryFolder.js';
import type { LogFormat } from '../shared/text/logLine.js';
import { addressAt } from '../shared/transport/address.js';
import { announceAddress } from '../shared/transport/addressFile.js';
import { type RunKeys, readKeys, writeKeys } from '../shared/transport/keys.js';
import { newKeys } from '../shared/transport/newKeys.js';
import type { Hub } from '../shared/transport/transport.js';

/** Workers on other machines. */
export interface RemoteWorkers {
  /** Where they connect to. */
  readonly address: string;
  readonly keys: RunKeys | 'none' | 'new';
  /** Name or address of this machine for workers, where it listens at all of its addresses; default: its host name. */
  readonly advertise?: string | undefined;
  /** File that tells workers where the coordinator listens, as long as it does. */
  readonly addressFile?: string | undefined;
  /** Start one each, once it is known where the coordinator listens; without it they are started by hand. */
  readonly launch?: (endpoint: LaunchEndpoint) => Launchers;
}

/** What starts the processes of a run, one each. */
export interface Launchers {
  readonly workers: readonly Launcher[];
  /** None where workers are connected to the coordinator itself. */
  readonly aggregators: readonly Launcher[];
}

export interface LaunchEndpoint {
  readonly address: string;
  readonly keys: RunKeys;
  readonly logFormat: LogFormat;
  /** Hears every line that they write. @param name such as `worker 2` */
  readonly onLine: (name: string, line: string) => void;
}

/** Where a coordinator listens, and the keys that let workers in. */
export interface Endpoint {
  readonly address: string;
  readonly keys?: RunKeys | undefined;
  readonly remove: () => void;
}

/** Where workers connect: those started here by a socket in a short folder that only this user can enter. */
export function endpointFor(workers: 'local' | RemoteWorkers, resume: Resumption | undefined): Endpoint {
  if (workers === 'local') {
    const folder = makeTemporaryFolder({ longest: longestSocketPath, name: 'hub' });
    return { address: `ipc://${folder}/hub`, remove: () => rmSync(folder, { recursive: true, force: true }) };
  }
  const { address, keys } = workers;
  const kept = resume && join(resume.path, keyName);
  const chosen =
    keys === 'new' ? (kept !== undefined && existsSync(kept) ? readKeys(kept) : newKeys()) : keys === 'none' ? undefined : keys;
  return { address, keys: chosen, remove: () => undefined };
}

/** With the coordinator's address in the file that workers read it from, if there is to be one. */
export async function announced<T>(workers: 'local' | RemoteWorkers, hub: Hub, work: () => Promise<T>): Promise<T> {
  if (workers === 'local' || workers.addressFile === undefined) return work();
  const withdraw = await announceAddress(workers.addressFile, addressFor(workers, hub));
  try {
    return await work();
  } finally {
    withdraw();
  }
}

/** Where workers reach the coordinator. */
export function addressFor(workers: 'local' | RemoteWorkers, hub: Hub): string {
  return workers === 'local' ? hub.address : addressAt(hub.address, workers.advertise ?? hostname());
}

const keyName = 'key';

/** The run's own key file: workers by hand can be started with it, and a resumed run keeps it. */
export function keyFileIn(folder: RunFolder, keys: RunKeys): string {
  const file = folder.file(keyName);
  if (!existsSync(file)) writeKeys(file, keys);
  return file;
}
