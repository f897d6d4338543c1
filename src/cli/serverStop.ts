/** Signals by which a server is told to end. */
const signals = ['SIGINT', 'SIGTERM'] as const;

/** Milliseconds within which a second signal is an echo of the first: a wrapper may send it to the group and to its child. */
const echo = 1_000;

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
  let askedAt: number | undefined;
  let onAsked: () => void = () => undefined;
  let onAskedAgain: () => void = () => undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (askedAt === undefined) {
      askedAt = performance.now();
      onAsked();
    } else if (isSecond(signal, performance.now() - askedAt)) onAskedAgain();
  };
  for (const signal of signals) process.on(signal, onSignal);
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
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}

/** Is a signal after the first one a second request to end? @param since milliseconds since the first */
export function isSecond(signal: NodeJS.Signals, since: number): boolean {
  return signal === 'SIGINT' || since >= echo;
}
