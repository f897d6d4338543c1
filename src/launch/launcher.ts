/** The process of one worker, here or on another machine: what is used of Node's ChildProcess. */
export interface WorkerProcess {
  readonly pid?: number | undefined;
  readonly stdin: { on(event: 'error', listener: () => void): unknown; end(): unknown } | null;
  once(event: 'error', listener: (error: Error) => void): unknown;
  once(event: 'close', listener: (code: number | null, signal: string | null) => void): unknown;
}

/** Starts the process of one worker. */
export interface Launcher {
  /** Where a person finds its process, such as "pid 7 on node1". */
  place(pid: number): string;
  /** Milliseconds that it waits for others to be started first. */
  readonly delay: number;
  /** Starts it in a process group of its own; it leaves when its standard input, a pipe, is closed. */
  start(slot: number, logFile: string): WorkerProcess;
  /** Ends it by force, with what it has started. */
  end(process: WorkerProcess): void;
}

/** Ends a process group. One that is stopped (SIGSTOP) hears no other signal. */
export function killGroup({ pid }: WorkerProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left.
  }
}
