import { close, url } from 'node:inspector';

/**
 * At SIGUSR1 Node opens a debugger port, where every user of the machine can run code as the owner of the process, unless
 * somebody listens to the signal. Programs import this before all else; the signal then ends them, as it ends others.
 */
process.on('SIGUSR1', endBySignal);

// One may have come while Node loaded this.
if (url() !== undefined && !isDebugged()) close();

function endBySignal(): void {
  process.exit(128 + 10);
}

/** Leaves SIGUSR1 to other listeners. */
export function giveUpSigusr1(): void {
  process.off('SIGUSR1', endBySignal);
}

/** Was Node started with a debugger? */
function isDebugged(): boolean {
  return [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].some((flag) => flag.includes('--inspect'));
}
