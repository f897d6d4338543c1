import type { Member } from '../coordinator/members/roster.js';
import { appendLogLine } from '../shared/text/logFile.js';
import type { LogFormat } from '../shared/text/logLine.js';
import { printableLine } from '../shared/text/printable.js';
import type { RunFolder } from './runFolder.js';

/** What happens in a run besides its steps: said to a person, and kept in metrics.jsonl and log/coordinator.log. */
export class Journal {
  readonly #format: LogFormat;
  readonly #say: (line: string) => void;
  #folder: RunFolder | undefined;

  /** @param format of the log @param say one line to a person */
  constructor(format: LogFormat, say: (line: string) => void) {
    this.#format = format;
    this.#say = say;
  }

  /** What is said from now on is kept there. */
  keepIn(folder: RunFolder): void {
    this.#folder = folder;
  }

  /** Something that a person should know. */
  notice(said: string): void {
    const line = printableLine(said);
    this.#folder?.log({ kind: 'notice', time: Date.now(), line });
    this.#write(line, {});
  }

  /** What has become of a worker. @param said goes on after its name */
  worker({ name, hello: { host, pid } }: Member, event: 'ready' | 'left', said: string): void {
    const line = printableLine(said);
    this.#folder?.log({ kind: 'worker', time: Date.now(), worker: name, event, host, pid, line });
    this.#write(`${name} ${line}`, { worker: name, event, host, pid });
  }

  #write(line: string, more: Readonly<Record<string, unknown>>): void {
    this.#say(line);
    const log = this.#folder?.file('log', 'coordinator.log');
    if (log !== undefined) appendLogLine(log, this.#format, 'coordinator', line, more);
  }
}
