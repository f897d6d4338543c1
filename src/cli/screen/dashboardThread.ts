import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { hardestImages } from '../../inference/hardest.js';
import type { HardestImages } from '../../shared/model/hardestImages.js';
import { oneAtATime } from '../../shared/system/oneAtATime.js';
import { errorMessage, UsageError } from '../../shared/text/errors.js';
import { type DashboardServer, serveDashboard } from '../../view/dashboard/dashboardServer.js';
import { RunSet } from '../../view/dashboard/runSet.js';
import type { FromThread, ToThread, ViewOf } from './dashboard.js';

/** Images that are shown. */
const images = 24;

/** Serves a dashboard in a thread of its own: whoever looks at a run takes nothing of the time of its steps. */
async function serve({ address, token, maxRate, places }: ViewOf): Promise<void> {
  const runs = new RunSet();
  const tell = (message: FromThread): void => parentPort?.postMessage(message);
  let server: DashboardServer;
  try {
    for (const place of places) runs.add(place);
    const log = (line: string): void => tell({ type: 'notice', line });
    server = await serveDashboard({ address, token, maxRate, runs, hardest: onceEach((folder) => hardestImages(folder, images)), log });
  } catch (error) {
    tell({ type: 'failed', reason: errorMessage(error), isUsage: error instanceof UsageError });
    return;
  }
  tell({ type: 'listening', url: server.url });
  parentPort?.on('message', (message: ToThread) => {
    switch (message.type) {
      case 'run':
        runs.addRun(message.path);
        break;
      case 'close':
        // What is still being computed is for nobody. In a thread this ends the thread alone.
        void server.close(message.reason).then(() => process.exit());
        break;
      default:
        message satisfies never;
    }
  });
}

/** Where all cores are busy with steps, this thread waits: on Linux a thread has a priority of its own. */
function stepAside(): void {
  try {
    const [, thread] = /\/task\/(\d+)$/.exec(readlinkSync('/proc/thread-self')) ?? [];
    if (thread !== undefined) setPriority(Number(thread), constants.priority.PRIORITY_LOW);
  } catch {
    // Elsewhere it takes turns like all others.
  }
}

/** Whoever asks for what is being computed waits for that; for anything else, until it is done. */
function onceEach(compute: (folder: string) => Promise<HardestImages>): (folder: string) => Promise<HardestImages> {
  const computing = new Map<string, Promise<HardestImages>>();
  const alone = oneAtATime();
  return (folder) => {
    const known = computing.get(folder);
    if (known) return known;
    const made = alone(() => compute(folder)).finally(() => computing.delete(folder));
    computing.set(folder, made);
    return made;
  };
}

stepAside();
await serve(workerData);
