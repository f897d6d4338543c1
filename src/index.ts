export { loadModel } from './inference/loadModel.js';
export type { Model } from './inference/model.js';
export type { RunObserver, RunResult } from './run/runPorts.js';
export type { StartInfo } from './run/startInfo.js';
export { type TrainOptions, train } from './run/trainLocally.js';
export type { RunSummary } from './runFolder/summary.js';
export { ConfigError, DataError, Interrupted, RunError, UsageError } from './shared/text/errors.js';
