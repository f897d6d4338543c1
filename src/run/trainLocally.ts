import { readConfig } from './readConfig.js';
import { run } from './run.js';
import type { RunObserver, RunResult } from './runPorts.js';

export interface TrainOptions extends RunObserver {
  /** Measure which engine is the fastest, also where that is known from before. */
  readonly measuresAnew?: boolean;
  /** Ends the training after the step that is under way; `train` then rejects with Interrupted. */
  readonly signal?: AbortSignal;
}

/**
 * Trains as `bpnn-dist up` does: starts the config's workers on this machine and leaves a run folder.
 * @param config keys as in a config file; what is left out has its default, and paths are relative to the working directory
 * @throws ConfigError, UsageError, DataError before anything is started; RunError and Interrupted once it runs
 * @example
 * const { summary } = await train({ model: '784-128-10', data: 'mnist', epochs: 1 }, { onEpoch: console.log });
 */
export async function train(
  config: Readonly<Record<string, unknown>> = {},
  { signal, measuresAnew, ...observer }: TrainOptions = {},
): Promise<RunResult> {
  const read = await readConfig({ values: config, valuesName: 'config', fallbackName: 'run' });
  return run({
    config: read.config,
    fallbackName: read.name,
    workers: 'local',
    observer,
    measuresAnew,
    signal: signal ?? new AbortController().signal,
    commandLine: [],
  });
}
