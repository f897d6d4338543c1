export { type RunObserver, type RunResult } from './run/run.js';
export { type RunSummary, type StartInfo } from './run/summary.js';
export { ConfigError, DataError, Interrupted, RunError, UsageError } from './shared/errors.js';
export { type TrainOptions, train } from './train.js';
