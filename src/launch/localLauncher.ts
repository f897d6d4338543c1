import { type StdioOptions, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { LogFormat } from '../shared/text/logLine.js';
import { killGroup, type Launcher } from './launcher.js';

export interface LocalLauncherOptions {
  /** Where the coordinator listens. */
  readonly address: string;
  /** File descriptor of the memory that workers share with this process, if they do. */
  readonly sharedFile: number | undefined;
  readonly logFormat: LogFormat;
}

/** Starts workers on this machine. What they say goes straight into their log files. */
export function localLauncher({ address, sharedFile, logFormat }: LocalLauncherOptions): Launcher {
  const cli = fileURLToPath(import.meta.resolve('#cli'));
  return {
    place: (pid) => `pid ${pid} on ${hostname()}`,
    delay: 0,
    start(slot, logFile) {
      const output = openSync(logFile, 'a');
      const serving = ['--connect', address, '--slot', String(slot), '--data-root', '/', '--log-format', logFormat];
      const flags = [...serving, '--leave-with-stdin', '--reconnect-timeout', '0'];
      // The first descriptor behind the standard ones.
      const sharing = sharedFile === undefined ? { flags: [], stdio: [] } : { flags: ['--shared-file', '3'], stdio: [sharedFile] };
      const stdio: StdioOptions = ['pipe', output, output, ...sharing.stdio];
      const child = spawn(process.execPath, [cli, 'worker', ...flags, ...sharing.flags], { stdio, detached: true });
      closeSync(output);
      return child;
    },
    end: killGroup,
  };
}
