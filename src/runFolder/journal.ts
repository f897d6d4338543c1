import type { Member } from '../coordinator/members/roster.js';
import { appendLogLine } from '../shared/text/logFile.js';
import type { LogFormat } from '../shared/text/logLine.js';
import { printableLine } from '../shared/text/printable.js';
import type { RunFolder } from './runFolder.js';

export interface JournalOptions {
  readonly folder: RunFolder;
  readonly format: LogFormat;
  /** One line for a person. */
  readonly say: (line: string) => void;
}

/** What happens in a run besides its steps: said to a person, and kept in metrics.jsonl and log/coordinator.log. */
export class Journal {
  readonly #options: JournalOptions;

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  /** Something that a person should know. */
  notice(said: string): void {
    const line = printableLine(said);
    this.#options.folder.log({ kind: 'notice', time: Date.now(), line });
    this.#write(line, {});
  }

  /** What has become of a worker. @param said goes on after its name */
  worker({ name, hello: { host, pid } }: Member, event: 'ready' | 'left', said: string): void {
    const line = printableLine(said);
    this.#options.folder.log({ kind: 'worker', time: Date.now(), worker: name, event, host, pid, line });
    this.#write(`${name} ${line}`, { worker: name, event, host, pid });
  }

  #write(line: string, more: Readonly<Record<string, unknown>>): void {
    const { folder, format, say } = this.#options;
    say(line);
    appendLogLine(folder.file('log', 'coordinator.log'), format, 'coordinator', line, more);
  }
}
