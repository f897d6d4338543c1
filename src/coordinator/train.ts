import { validationName } from '../shared/config/parse.js';
import { Interrupted, RunError } from '../shared/errors.js';
import type { Figures } from '../shared/json.js';
import type { PartSums } from '../shared/protocol.js';
import type { Checkpoint } from './checkpoint.js';
import type { StepPlan } from './fleet.js';
import type { Optimizer } from './optimizer.js';
import { chunkSizes, stepsInEpoch, type TrainingPlan } from './plan.js';
import { watchEpoch } from './policies/earlyStopping.js';
import { learningRateAt } from './policies/learningRate.js';
import { directionOf, isImprovement } from './policies/monitor.js';
import { watchPlateau, withCuts } from './policies/reduceOnPlateau.js';
import { addParts, addSums, freshProgress, means, noSums, type Progress } from './progress.js';

/** Where gradients and evaluations come from. */
export interface Workers {
  /** Computes the gradient sum of one global batch; `gradient` is good until the next call. */
  gradients(plan: StepPlan, weights: Float32Array): Promise<{ readonly parts: readonly PartSums[]; readonly gradient: Float32Array }>;
  /** The sums of each chunk, in chunk order. */
  evaluate(part: 'validation' | 'test', sizes: readonly number[], weights: Float32Array): Promise<readonly PartSums[]>;
}

/** Where a run's results go. */
export interface Store {
  log(entry: object): void;
  saveCheckpoint(checkpoint: Omit<Checkpoint, 'metricsBytes'>): Promise<void>;
  /** @param name `best`, `final`, or `epochs/3` */
  saveModel(name: string, weights: Float32Array): Promise<void>;
}

export interface StepFigures extends Figures {
  readonly epoch: number;
  readonly step: number;
  readonly samples: number;
  readonly loss: number;
  readonly learningRate: number;
}

/** Hears of what happens as it happens. */
export interface Observer {
  onStep?(figures: StepFigures): void;
  onEpoch?(figures: Figures & { readonly epoch: number }): void;
}

export type EndReason = 'epochs' | 'steps' | 'target' | 'earlyStopping';

/** What a training ended with. */
export interface Outcome {
  readonly reason: EndReason;
  readonly epochs: number;
  readonly steps: number;
  readonly bestEpoch: number | undefined;
  readonly bestWeights: Float32Array;
  readonly finalWeights: Float32Array;
  /** What the regularizers add to the loss at these weights. */
  readonly bestPenalty: number;
  readonly finalPenalty: number;
}

export interface TrainPorts {
  readonly workers: Workers;
  readonly store: Store;
  readonly observer: Observer;
  /** Ends the training after the step that is under way, with a checkpoint. */
  readonly signal: AbortSignal;
}

/**
 * Trains to the end: for each epoch, for each step: gather the gradient, update; then validate, decide, save.
 * @throws Interrupted when the signal aborts, RunError when the run cannot go on
 */
export async function train(plan: TrainingPlan, optimizer: Optimizer, ports: TrainPorts): Promise<Outcome> {
  const { config } = plan;
  const training = new Training(plan, optimizer, ports);
  let reason: EndReason | undefined;
  while (reason === undefined) {
    const steps = stepsInEpoch(plan, training.progress.epoch);
    while (training.progress.stepInEpoch < steps) {
      if (ports.signal.aborted) await training.interrupt();
      await training.step();
      if (config.checkpoint.every !== 'epoch' && training.progress.step % config.checkpoint.every === 0) await training.save();
    }
    reason = await training.endEpoch();
    if (config.checkpoint.every === 'epoch' || reason !== undefined) await training.save();
  }
  return training.finish(reason);
}

/** The state of one training, and the moves it is made of. */
class Training {
  progress: Progress = freshProgress;
  readonly #plan: TrainingPlan;
  readonly #optimizer: Optimizer;
  readonly #ports: TrainPorts;
  #best: { readonly weights: Float32Array; readonly penalty: number } | undefined;
  #stoppingBest: Float32Array | undefined;

  constructor(plan: TrainingPlan, optimizer: Optimizer, ports: TrainPorts) {
    this.#plan = plan;
    this.#optimizer = optimizer;
    this.#ports = ports;
  }

  async step(): Promise<void> {
    const { config, counts } = this.#plan;
    const { step, epoch, stepInEpoch, sums } = this.progress;
    const from = stepInEpoch * config.batchSize;
    const count = Math.min(config.batchSize, counts.train - from);
    const penalty = this.#optimizer.penalty();
    const { parts, gradient } = await this.#ports.workers.gradients({ step, epoch, from, count }, this.#optimizer.weights);
    const stepSums = addParts(parts);
    const learningRate = this.#learningRate();
    const figures = means(stepSums, config.metrics, penalty);
    this.#requireFinite(step, figures.loss);
    this.#optimizer.update(gradient, count, learningRate);
    const withPenalty = { ...stepSums, loss: stepSums.loss + penalty * count };
    this.progress = { ...this.progress, step: step + 1, stepInEpoch: stepInEpoch + 1, sums: addSums(sums, withPenalty) };
    const line = { epoch, step, samples: count, ...figures, learningRate };
    this.#ports.store.log({ kind: 'step', ...line });
    this.#ports.observer.onStep?.(line);
  }

  /** Validates, decides and goes on to the next epoch; says why the training is over if it is. */
  async endEpoch(): Promise<EndReason | undefined> {
    const { config, totalSteps } = this.#plan;
    const { epoch, step, sums, stopping } = this.progress;
    const figures: Figures = { ...means(sums, config.metrics), ...(await this.#validate()) };
    await this.#keepBest(epoch, figures);
    const stop = config.earlyStopping && watchEpoch(config.earlyStopping, stopping, epoch, figures[config.earlyStopping.monitor]);
    if (stop?.isBest && config.earlyStopping?.restoreBestWeights) this.#stoppingBest = this.#optimizer.weights.slice();
    const line = { epoch, ...figures };
    this.#ports.store.log({ kind: 'epoch', ...line });
    this.#ports.observer.onEpoch?.(line);
    this.progress = {
      ...this.progress,
      epoch: epoch + 1,
      stepInEpoch: 0,
      sums: noSums,
      stopping: stop?.state ?? stopping,
      plateau: this.#plateau(figures),
    };
    if (stop?.shouldStop) return 'earlyStopping';
    if (config.target !== undefined && (figures['loss'] ?? Number.NaN) <= config.target) return 'target';
    if (step < totalSteps) return undefined;
    return config.steps === step ? 'steps' : 'epochs';
  }

  async save(): Promise<void> {
    await this.#ports.store.saveCheckpoint({ progress: this.progress, optimizer: this.#optimizer.state, stoppingBest: this.#stoppingBest });
  }

  async interrupt(): Promise<never> {
    await this.save();
    throw new Interrupted(`stopped after step ${this.progress.step}, with a checkpoint`);
  }

  async finish(reason: EndReason): Promise<Outcome> {
    if (this.#stoppingBest) this.#optimizer.setWeights(this.#stoppingBest);
    const finalWeights = this.#optimizer.weights.slice();
    await this.#ports.store.saveModel('final', finalWeights);
    const { epoch, step, best } = this.progress;
    const finalPenalty = this.#optimizer.penalty();
    const bestWeights = this.#best?.weights ?? finalWeights;
    const bestPenalty = this.#best?.penalty ?? finalPenalty;
    return { reason, epochs: epoch, steps: step, bestEpoch: best?.epoch, bestWeights, finalWeights, bestPenalty, finalPenalty };
  }

  #learningRate(): number {
    const { optimizer, reduceOnPlateau } = this.#plan.config;
    const schedule = reduceOnPlateau ? withCuts(optimizer.learningRate, this.progress.plateau) : optimizer.learningRate;
    return learningRateAt(schedule, this.progress.step);
  }

  #plateau(figures: Figures): Progress['plateau'] {
    const { reduceOnPlateau, optimizer } = this.#plan.config;
    const { plateau } = this.progress;
    if (!reduceOnPlateau || optimizer.learningRate.schedule !== 'constant') return plateau;
    return watchPlateau(reduceOnPlateau, plateau, figures[reduceOnPlateau.monitor], optimizer.learningRate.initial);
  }

  async #validate(): Promise<Figures> {
    const { config, counts } = this.#plan;
    if (counts.validation === undefined) return {};
    const sizes = chunkSizes(counts.validation, config.validationBatchSize);
    const parts = await this.#ports.workers.evaluate('validation', sizes, this.#optimizer.weights);
    const figures = means(addParts(parts), config.metrics, this.#optimizer.penalty());
    return Object.fromEntries(Object.entries(figures).map(([name, value]) => [validationName(name), value]));
  }

  async #keepBest(epoch: number, figures: Figures): Promise<void> {
    const { config, counts } = this.#plan;
    const { best } = this.progress;
    if (!config.checkpoint.saveBestOnly) await this.#ports.store.saveModel(`epochs/${epoch}`, this.#optimizer.weights);
    const monitor = config.checkpoint.monitor ?? (counts.validation === undefined ? 'loss' : 'valLoss');
    const value = figures[monitor];
    if (value === undefined || !isImprovement(value, best?.value ?? null, directionOf(monitor, 'auto'), 0)) return;
    this.#best = { weights: this.#optimizer.weights.slice(), penalty: this.#optimizer.penalty() };
    await this.#ports.store.saveModel('best', this.#best.weights);
    this.progress = { ...this.progress, best: { epoch, value } };
  }

  #requireFinite(step: number, loss: number): void {
    if (!Number.isFinite(loss)) throw new RunError(`step ${step}: the loss is ${loss}; lower the learning rate or clip the gradient`);
  }
}
