import { onParentGone } from './parentWatch.js';

/**
 * A signal that aborts when the process is told to stop, or whoever started it is gone. The first time lets what is under
 * way save and end; a second one, or the end of the grace period, ends the process as it stands.
 * @param gracePeriod seconds
 */
export function stoppable(gracePeriod: number, say: (line: string) => void): { readonly signal: AbortSignal; close(): void } {
  const stop = new AbortController();
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(130);
    say('stopping after this step; once more stops at once');
    stop.abort();
    setTimeout(() => process.exit(130), gracePeriod * 1_000).unref();
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  const parent = onParentGone(onSignal);
  return {
    signal: stop.signal,
    close() {
      parent.close();
      process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    },
  };
}
