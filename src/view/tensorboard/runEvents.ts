import type { TrainingPlan } from '../../coordinator/plan.js';
import { errorMessage } from '../../shared/errors.js';
import { viewOf } from '../../shared/model/layout.js';
import { EventFile } from './eventFile.js';

/** Steps of a run that are shown at most: TensorBoard draws no more than a thousand of them itself. */
const mostSteps = 2_000;

/** What a run logs of itself. */
type Entry = Readonly<Record<string, unknown>>;

/**
 * Writes what happens in a run for TensorBoard: figures of steps and epochs, histograms of weights and gradients at each
 * epoch's end, and the hyperparameters. What cannot be written is said once, and the run goes on.
 */
export class RunEvents {
  readonly #plan: TrainingPlan;
  readonly #say: (line: string) => void;
  readonly #stride: number;
  #file: EventFile | undefined;
  #step = 0;

  /** @param firstStep of this process: a resumed run writes another file */
  constructor(folder: string, plan: TrainingPlan, firstStep: number, say: (line: string) => void) {
    this.#plan = plan;
    this.#say = say;
    this.#stride = Math.max(1, Math.ceil(plan.totalSteps / mostSteps));
    this.#safely(() => {
      this.#file = new EventFile(folder, firstStep);
      this.#file.hyperparameters(hyperparametersOf(plan));
    });
  }

  log({ kind, epoch, step, samples, ...rest }: Entry): void {
    const figures = Object.entries(rest).filter((entry): entry is [string, number] => typeof entry[1] === 'number');
    if (kind === 'step') {
      this.#step = Number(step);
      if (this.#step % this.#stride === 0) this.#scalars('step', this.#step, figures);
    }
    if (kind === 'epoch') this.#scalars('epoch', this.#step, figures);
  }

  /** @param gradient the mean over the batch of the epoch's last step */
  epochEnds(weights: Float32Array, gradient: Float32Array | undefined): void {
    const { parameters } = this.#plan.network.layout;
    const of = (what: string, values: Float32Array): [string, Float32Array][] =>
      parameters.map((parameter) => [`${what}/${parameter.name}`, viewOf(values, parameter)]);
    const all = [...of('weights', weights), ...(gradient ? of('gradients', gradient) : [])];
    this.#safely(() => this.#file?.histograms(this.#step, Object.fromEntries(all)));
  }

  /** A checkpoint is written: what was before it will not come again. */
  flush(): void {
    this.#safely(() => this.#file?.flush());
  }

  close(): void {
    this.#safely(() => this.#file?.close());
  }

  #scalars(group: string, step: number, figures: readonly (readonly [string, number])[]): void {
    this.#safely(() => this.#file?.scalars(step, Object.fromEntries(figures.map(([name, value]) => [`${group}/${name}`, value]))));
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
