import { onStop } from './stopSignals.js';

/** What a server is told by signals. */
export interface ServerStop {
  /** Resolves when it is told to end. */
  readonly asked: Promise<void>;
  /** Resolves when it is told again, and is not to wait for anyone any longer. */
  readonly askedAgain: Promise<void>;
  close(): void;
}

/** Listens for the signals that end a server. The process is kept alive until `close`. */
export function serverStop(): ServerStop {
  let onAsked: () => void = () => undefined;
  let onAskedAgain: () => void = () => undefined;
  const { close } = onStop(
    () => onAsked(),
    () => onAskedAgain(),
  );
  // A listener for signals keeps no process alive.
  const alive = setInterval(() => undefined, 60_000);
  return {
    asked: new Promise((resolve) => {
      onAsked = resolve;
    }),
    askedAgain: new Promise((resolve) => {
      onAskedAgain = resolve;
    }),
    close() {
      clearInterval(alive);
      close();
    },
  };
}
