import type { StoppingState } from '../coordinator/training/policies/earlyStopping.js';
import type { Observer } from '../coordinator/training/ports.js';
import type { TrainingPlan } from '../coordinator/training/trainingPlan.js';
import type { LockedResumption } from '../runFolder/resume.js';
import type { RunSummary } from '../runFolder/summary.js';
import type { Config } from '../shared/config/configSchema.js';
import type { LogFormat } from '../shared/text/logLine.js';
import type { Transport } from '../shared/transport/transport.js';
import type { TraceRequest } from '../view/trace/tracedSteps.js';
import type { RemoteWorkers } from './endpoint.js';
import type { StartInfo } from './startInfo.js';

/** Where a coordinator waits for how many workers. */
export interface Listening {
  /** Folder of the run. */
  readonly path: string;
  readonly address: string;
  readonly workers: number;
  /** It starts the workers itself. */
  readonly startsWorkers: boolean;
  /** The key file that workers need, if they do. */
  readonly keyFile: string | undefined;
}

/** Hears of a run as it goes. */
export interface RunObserver extends Observer {
  /** The coordinator listens, and waits for its workers. */
  onListening?(listening: Listening): void;
  /** What has become of a worker, or what else a person should know: one line. */
  onNotice?(line: string): void;
  /** A line that a worker, or an aggregator, on another machine has written. @param name such as `worker 2` */
  onWorkerLine?(name: string, line: string): void;
  /** So many of the parts of a table or a folder of images have been converted. */
  onConverting?(progress: { readonly source: string; readonly done: number; readonly total: number }): void;
  /** The first step is about to be taken. */
  onStart?(info: StartInfo): void;
}

export interface RunOptions {
  readonly config: Config;
  /** What a run's name is made of, with the time, where the config has none. */
  readonly fallbackName: string;
  /** `local` starts the config's workers as processes on this machine; an address waits for workers there, or starts them. */
  readonly workers: 'local' | RemoteWorkers;
  readonly observer: RunObserver;
  /** Ends the run after the step that is under way, with a checkpoint. */
  readonly signal: AbortSignal;
  /** Default: ZeroMQ's sockets. */
  readonly transport?: Transport | undefined;
  readonly commandLine: readonly string[];
  /** Steps to write a trace of; default: none. */
  readonly trace?: TraceRequest | undefined;
  /** How lines of the logs in the run's folder are written; default: for a person. */
  readonly logFormat?: LogFormat | undefined;
  /** Measure which engine is the fastest, also where that is known from before. */
  readonly measuresAnew?: boolean | undefined;
  /** The run to go on with, instead of a new one; `config` is then its config. */
  readonly resume?: LockedResumption | undefined;
}

export interface RunResult {
  /** Folder of the run. */
  readonly path: string;
  readonly summary: RunSummary;
  readonly plan: TrainingPlan;
  /** What early stopping has seen. */
  readonly stopping: StoppingState;
  /** Flat, in the layout's order. */
  readonly bestWeights: Float32Array;
  readonly finalWeights: Float32Array;
}
