import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { appendLogLine } from '../../shared/text/logFile.js';
import type { LogFormat } from '../../shared/text/logLine.js';
import type { RunKeys } from '../../shared/transport/keys.js';
import { killGroup, type Launcher } from '../launcher.js';
import { type Ssh, startOn } from './ssh.js';

export interface SshLauncherOptions {
  readonly role: 'worker' | 'aggregator';
  readonly ssh: Ssh;
  readonly host: string;
  /** Workers on that host. */
  readonly count: number;
  /** Of those before it on that host. */
  readonly index: number;
  /** Where the coordinator listens, as the host sees it. */
  readonly address: string;
  readonly keys: RunKeys;
  readonly logFormat: LogFormat;
  /** Hears every line that it writes. */
  readonly onLine: (name: string, line: string) => void;
}

/** An ssh server turns connections away that come together: OpenSSH from the eleventh on, unless told otherwise. */
const together = 8;
const pause = 500;

/** Starts workers or aggregators on another machine. What they say comes back over ssh; the keys go there on its standard input. */
export function sshLauncher({ role, ssh, host, count, index, address, keys, logFormat, onLine }: SshLauncherOptions): Launcher {
  return {
    place: (pid) => `its ssh client, pid ${pid}, to ${host}`,
    delay: Math.floor(index / together) * pause,
    start(slot, logFile) {
      closeSync(openSync(logFile, 'a'));
      const name = `${role} ${slot}`;
      const serving = ['--connect', address, '--key', '-', '--slot', String(slot), '--workers-here', String(count)];
      const data = role === 'worker' ? ['--data-root', '/'] : [];
      const ending = ['--log-format', 'plain', '--reconnect-timeout', '0', '--grace-period', '0'];
      const child = startOn(ssh, host, [role, ...serving, ...data, ...ending], true);
      // Writing to one that could not be started is told of by its end.
      child.stdin.on('error', () => undefined).write(`${JSON.stringify(keys)}\n`);
      for (const stream of [child.stdout, child.stderr]) {
        createInterface(stream).on('line', (line) => {
          onLine(name, line);
          appendLogLine(logFile, logFormat, name, line);
        });
      }
      return child;
    },
    end: killGroup,
  };
}
