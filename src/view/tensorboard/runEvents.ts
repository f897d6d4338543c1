import type { TrainingPlan } from '../../coordinator/training/trainingPlan.js';
import { viewOf } from '../../shared/model/layout.js';
import { errorMessage } from '../../shared/text/errors.js';
import { EventFile } from './eventFile.js';

/** Steps of a run that are shown at most: each takes a tenth of a millisecond to write, which small steps would feel. */
const mostSteps = 300;

/** What a run logs of itself. */
type Entry = object & { readonly [key: string]: unknown };

/**
 * Writes what happens in a run for TensorBoard: figures of steps and epochs, histograms of weights and gradients at each
 * epoch's end, and the hyperparameters. What cannot be written is said once, and the run goes on.
 */
export class RunEvents {
  readonly #plan: TrainingPlan;
  readonly #say: (line: string) => void;
  readonly #stride: number;
  #file: EventFile | undefined;
  /** The last step. */
  #step: number;

  /** @param firstStep of this process: a resumed run writes another file */
  constructor(folder: string, plan: TrainingPlan, firstStep: number, say: (line: string) => void) {
    this.#plan = plan;
    // A checkpoint of an epoch's last step is resumed with what the epoch came to.
    this.#step = Math.max(0, firstStep - 1);
    this.#say = say;
    this.#stride = Math.max(1, Math.ceil(plan.totalSteps / mostSteps));
    this.#safely(() => {
      this.#file = new EventFile(folder, firstStep);
      this.#file.hyperparameters(hyperparametersOf(plan));
    });
  }

  log(entry: Entry): void {
    if (entry['kind'] === 'step') {
      this.#step = Number(entry['step']);
      if (this.#step % this.#stride === 0) this.#scalars('step', entry);
    } else if (entry['kind'] === 'epoch') this.#scalars('epoch', entry);
  }

  epochEnds(weights: Float32Array): void {
    this.#histograms('weights', weights);
  }

  /** The mean gradient over the batch of an epoch's last step. */
  lastGradient(gradient: Float32Array): void {
    this.#histograms('gradients', gradient);
  }

  /** A checkpoint is written: what was before it will not come again. */
  flush(): void {
    this.#safely(() => this.#file?.flush());
  }

  close(): void {
    this.#safely(() => this.#file?.close());
  }

  #histograms(group: string, values: Float32Array): void {
    const { parameters } = this.#plan.network.layout;
    const found = parameters.map((parameter): [string, Float32Array] => [`${group}/${parameter.name}`, viewOf(values, parameter)]);
    this.#safely(() => this.#file?.histograms(this.#step, Object.fromEntries(found)));
  }

  #scalars(group: string, { kind, epoch, step, samples, ...figures }: Entry): void {
    const found = Object.entries(figures).filter((entry): entry is [string, number] => typeof entry[1] === 'number');
    this.#safely(() => this.#file?.scalars(this.#step, Object.fromEntries(found.map(([name, value]) => [`${group}/${name}`, value]))));
  }

  #safely(write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#file = undefined;
      this.#say(`the event file for TensorBoard cannot be written: ${errorMessage(error)}`);
    }
  }
}

/** What tells runs apart, in one row. */
function hyperparametersOf({ config, network }: TrainingPlan): Readonly<Record<string, string | number | boolean>> {
  const { name, learningRate } = config.optimizer;
  const dense = network.ops.filter((op) => op.kind === 'dense');
  return {
    ...{ network: [network.inputs, ...dense.map(({ units }) => units)].join('-'), loss: config.loss, optimizer: name },
    ...('initial' in learningRate ? { learningRate: learningRate.initial } : {}),
    ...{
      schedule: learningRate.schedule,
      batchSize: config.batchSize,
      shards: config.shards,
      seed: config.seed,
      precision: config.precision,
    },
  };
}
