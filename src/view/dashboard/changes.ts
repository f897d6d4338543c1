import type { ServerResponse } from 'node:http';
import { oneAtATime } from '../../shared/system/oneAtATime.js';
import type { RunChange, ServerEnd } from './api.js';
import type { RunSet } from './runSet.js';

/** Milliseconds between two looks at the folders, while somebody watches. */
const interval = 1_000;
/** Milliseconds that watchers have to read the last of a run. */
const lastRead = 3_000;
/** Bytes that may wait for a watcher. */
const mostUnread = 1 << 20;

/** Tells everyone who watches what has changed, as server-sent events. While nobody does, nothing is looked at. */
export class Changes {
  readonly #runs: RunSet;
  readonly #watchers = new Set<ServerResponse>();
  readonly #said = new Map<string, string>();
  #timer: NodeJS.Timeout | undefined;
  readonly #alone = oneAtATime();
  #onAlone: (() => void) | undefined;

  constructor(runs: RunSet) {
    this.#runs = runs;
  }

  /** Someone begins to watch, and is told of everything there is. */
  async watch(response: ServerResponse): Promise<void> {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
    this.#watchers.add(response);
    response.once('close', () => {
      this.#watchers.delete(response);
      if (this.#watchers.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
      this.#onAlone?.();
    });
    this.#timer ??= setInterval(() => this.look(), interval);
    await this.#refresh();
    for (const run of this.#runs.all()) response.write(eventOf('change', run.change()));
    response.write(eventOf('all', null));
  }

  /** Reads what is new and tells it. */
  look(): Promise<void> {
    return this.#alone(async () => {
      await this.#refresh();
      for (const run of this.#runs.all()) {
        const change = run.change();
        const text = JSON.stringify(change);
        if (this.#said.get(run.id) === text) continue;
        this.#said.set(run.id, text);
        for (const watcher of this.#watchers) this.#tell(watcher, eventOf('change', change));
      }
    });
  }

  /** The server is about to end: everyone is told, and leaves once they have read the last of it. */
  async close(reason: string | null): Promise<void> {
    if (this.#watchers.size > 0) {
      await this.look();
      const alone = new Promise<void>((resolve) => {
        this.#onAlone = resolve;
        setTimeout(resolve, lastRead).unref();
      });
      const end: ServerEnd = { reason, runs: this.#runs.all().map(({ id }) => id) };
      for (const watcher of this.#watchers) watcher.write(eventOf('end', end));
      await alone;
    }
    clearInterval(this.#timer);
    for (const watcher of this.#watchers) watcher.end();
  }

  /** One that does not read is let go: it comes back, and is told of everything. */
  #tell(watcher: ServerResponse, text: string): void {
    watcher.write(text);
    if (watcher.writableLength > mostUnread) watcher.destroy();
  }

  async #refresh(): Promise<void> {
    await Promise.all(this.#runs.all().map((run) => run.refresh()));
  }
}

function eventOf(event: string, data: RunChange | ServerEnd | null): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
