import { onParentGone } from './parentWatch.js';
import { onStop } from './stopSignals.js';

/**
 * A signal that aborts when the process is told to stop, or the shell that started it is gone. What is under way can save
 * and end; a second request, or the end of the grace period, ends the process as it stands.
 * @param gracePeriod seconds
 */
export function stoppable(gracePeriod: number, say: (line: string) => void): { readonly signal: AbortSignal; close(): void } {
  const stop = new AbortController();
  const { stopNow, close } = onStop(() => {
    say('stopping after this step (press Ctrl-C again to quit without saving)');
    stop.abort();
    setTimeout(() => process.exit(130), gracePeriod * 1_000).unref();
  });
  const parent = onParentGone(stopNow);
  return {
    signal: stop.signal,
    close() {
      parent.close();
      close();
    },
  };
}
