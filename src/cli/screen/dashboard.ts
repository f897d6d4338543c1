import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { DashboardAddress } from '../../shared/http/access.js';
import { RunError, UsageError } from '../../shared/text/errors.js';

/** Requests that one address may make a second, where nobody says otherwise. */
export const dashboardRate = 1_000;

/** What a dashboard shows, where, and to whom. */
export interface ViewOf {
  readonly address: DashboardAddress;
  /** Who has it may look; undefined lets in everyone on this machine. */
  readonly token: string | undefined;
  /** Requests that one address may make a second. */
  readonly maxRate: number;
  /** Folders of runs, or folders that hold such. */
  readonly places: readonly string[];
}

/** What this thread and the dashboard's say to each other. */
export type ToThread = { readonly type: 'run'; readonly path: string } | { readonly type: 'close'; readonly reason: string | null };
export type FromThread =
  | { readonly type: 'listening'; readonly url: string }
  | { readonly type: 'notice'; readonly line: string }
  | { readonly type: 'failed'; readonly reason: string; readonly isUsage: boolean };

export interface Dashboard {
  readonly url: string;
  /** A run has begun: it is shown too. */
  show(path: string): void;
  /** Ends once everyone who watches has read the last of it. @param reason why the run has failed, if it has */
  close(reason: string | null): Promise<void>;
}

/**
 * Opens a dashboard in a thread of its own. It keeps no process alive.
 * @param say hears of errors that browsers are not told
 * @throws UsageError where it cannot listen there, or there is nothing to show
 */
export async function openDashboard(view: ViewOf, onCrash: (reason: string) => void, say: (line: string) => void): Promise<Dashboard> {
  const thread = new Worker(fileURLToPath(import.meta.resolve('#dashboard-thread')), { workerData: view });
  const ended = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    thread.once('error', (error) => reject(new RunError(`the dashboard has failed: ${error.message}`)));
    thread.on('message', (message: FromThread) => {
      switch (message.type) {
        case 'listening':
          return resolve(message.url);
        case 'notice':
          return say(message.line);
        case 'failed':
          return reject(message.isUsage ? new UsageError(message.reason) : new RunError(`the dashboard has failed: ${message.reason}`));
        default:
          message satisfies never;
      }
    });
  });
  // From here on what it dies of is no reason to end a run.
  thread.removeAllListeners('error').on('error', (error) => onCrash(error.message));
  thread.unref();
  const tell = (message: ToThread): void => thread.postMessage(message);
  return {
    url,
    show: (path) => tell({ type: 'run', path }),
    async close(reason) {
      thread.ref();
      tell({ type: 'close', reason });
      await ended;
    },
  };
}
