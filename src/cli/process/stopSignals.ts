import { giveUpSigusr1 } from '../../shared/system/debuggerPort.js';

/** What asks a process to stop: the terminal's keys or its end, service managers, batch systems. */
export const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;

export type StopSignal = (typeof stopSignals)[number];

let ignoresHangup = false;

/** From now on the end of the terminal stops nothing. */
export function ignoreHangup(): void {
  ignoresHangup = true;
  process.on('SIGHUP', () => undefined);
}

/** Calls `stop` at every stop signal. @returns stops listening */
export function onStopSignal(stop: (signal: StopSignal) => void): () => void {
  const signals = stopSignals.filter((signal) => signal !== 'SIGHUP' || !ignoresHangup);
  for (const signal of signals) process.on(signal, stop);
  giveUpSigusr1();
  return () => {
    for (const signal of signals) process.off(signal, stop);
  };
}

/** Milliseconds after which a second Ctrl-C is a person's: npm passes on the one that the terminal has sent to all. */
const secondKeyAfter = 100;
/** Milliseconds after which a second SIGTERM is meant: a group and its leader may each be sent one at the same time. */
const secondTermAfter = 1_000;

/** Does a signal that comes so many milliseconds after the first ask to end at once? */
export function endsAtOnce(signal: StopSignal, sinceFirst: number): boolean {
  if (signal === 'SIGINT') return sinceFirst >= secondKeyAfter;
  return signal === 'SIGTERM' && sinceFirst >= secondTermAfter;
}

/**
 * Calls `stop` at the first stop signal, and `again` at a later one that insists: by default the process then ends as it
 * stands, with exit code 130.
 * @returns `stopNow` stops as a signal would, and never counts as a second one
 */
export function onStop(
  stop: (signal: StopSignal | undefined) => void,
  again: () => void = () => process.exit(130),
): { stopNow(): void; close(): void } {
  let stoppedAt: number | undefined;
  const first = (signal: StopSignal | undefined): void => {
    stoppedAt = performance.now();
    stop(signal);
  };
  const close = onStopSignal((signal) => {
    if (stoppedAt === undefined) first(signal);
    else if (endsAtOnce(signal, performance.now() - stoppedAt)) again();
  });
  return {
    stopNow() {
      if (stoppedAt === undefined) first(undefined);
    },
    close,
  };
}
