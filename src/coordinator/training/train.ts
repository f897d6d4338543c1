import { validationName } from '../../shared/config/parseConfig.js';
import { divisorOf } from '../../shared/numbers/half/half.js';
import { Interrupted } from '../../shared/text/errors.js';
import type { Figures } from '../../shared/text/json.js';
import { chunkSizes, type StepBatch, sizeOfBatch } from '../../step/stepBatch.js';
import type { Optimizer } from '../../step/update/optimizer.js';
import { afterEpoch } from './afterEpoch.js';
import { AskAhead } from './askAhead.js';
import { initialNoise, noiseScaleOf, watchNoise } from './noiseScale.js';
import { watchEpoch } from './policies/earlyStopping.js';
import { bestMonitor, directionOf, isImprovement } from './policies/monitor.js';
import { learningRateOf } from './policies/reduceOnPlateau.js';
import type { Outcome, StepAnswers, TrainingState, TrainPorts } from './ports.js';
import { addUnits, afterStep, type EndReason, freshProgress, means, type Progress } from './progress.js';
import { mayBeDropped, refusedStep } from './refusedStep.js';
import { Telling } from './telling.js';
import { nextBatch, stepsInEpoch, type TrainingPlan } from './trainingPlan.js';

/** One training: its state, and the moves it is made of. */
export class Training {
  progress: Progress = freshProgress;
  readonly #plan: TrainingPlan;
  readonly #optimizer: Optimizer;
  readonly #ports: TrainPorts;
  readonly #ahead: AskAhead;
  readonly #telling: Telling;
  #best: Float32Array | undefined;
  #stoppingBest: Float32Array | undefined;

  /** @param from where it goes on, if not at the start */
  constructor(plan: TrainingPlan, optimizer: Optimizer, ports: TrainPorts, from?: TrainingState) {
    this.#plan = plan;
    this.#optimizer = optimizer;
    this.#ports = ports;
    this.#ahead = new AskAhead(ports.workers);
    this.#telling = new Telling(ports.store, ports.observer);
    if (from) {
      this.progress = from.progress;
      optimizer.restore(from.optimizer);
      this.#best = from.best;
      this.#stoppingBest = from.stoppingBest;
    }
  }

  /**
   * Trains to the end: for each epoch, for each step: gather the gradient, update; then validate, decide, save.
   * @throws Interrupted when the signal aborts, RunError when the run cannot go on
   */
  async run(): Promise<Outcome> {
    const { every } = this.#plan.config.checkpoint;
    while (this.progress.ended === null) {
      const steps = stepsInEpoch(this.#plan, this.progress.epoch);
      while (this.progress.stepInEpoch < steps) {
        if (this.#ports.signal.aborted) await this.#interrupt();
        await this.#step();
        if (every !== 'epoch' && this.progress.step % every === 0) {
          this.#askAhead();
          await this.save();
        }
      }
      // One that is given more steps goes on with this epoch, so what counts is how it was before it ended here.
      const isCut = this.progress.stepInEpoch < this.#plan.stepsPerEpoch;
      if (isCut) await this.save();
      await this.#endEpoch();
      if (!isCut && (every === 'epoch' || this.progress.ended !== null)) await this.save();
    }
    return this.#finish(this.progress.ended);
  }

  /** Gathers the gradient of the next batch, and moves the weights by it. */
  async #step(): Promise<void> {
    const { config } = this.#plan;
    this.#ports.steps?.begins(this.#ahead.isAsked);
    const batch = nextBatch(this.#plan, this.progress);
    const count = sizeOfBatch(batch);
    const penalty = this.#optimizer.penalty();
    const learningRate = learningRateOf(config, this.progress);
    this.#optimizer.begin(divisorOf(config.compression, count), learningRate);
    const answers = await this.#gather(batch);
    const sums = addUnits(answers.sums);
    const figures = means(sums, config.metrics, penalty);
    // Compression makes large numbers of infinite ones: what their workers found counts as well.
    const hasMoved = Number.isFinite(figures.loss) && answers.isFinite && answers.nonFinite.length === 0;
    const gradient = this.#lastGradient();
    let { noise = initialNoise } = this.progress;
    if (hasMoved) noise = watchNoise(noise, answers.sums, this.#optimizer.commit());
    else await this.#drop(batch, answers);
    this.progress = afterStep(this.progress, hasMoved && { ...sums, loss: sums.loss + penalty * count }, noise);
    this.#ports.steps?.ends(batch.step, answers.computeMs);
    const { step, epoch } = batch;
    this.#telling.note({ epoch, step, samples: count, ...figures, learningRate, noiseScale: noiseScaleOf(noise) }, hasMoved, gradient);
  }

  /** Weights and moments are those of the last whole step until the answers are there: a run that is cut off here can save. */
  async #gather(batch: StepBatch): Promise<StepAnswers> {
    const gradients = this.#ahead.gradients(batch, this.#optimizer.weights);
    // While the workers compute.
    this.#telling.tell();
    try {
      return await gradients;
    } catch (error) {
      await this.save();
      throw error;
    }
  }

  /** A step whose loss or gradient is not finite, although two computed it: it ends the run or, if asked to, is dropped. */
  async #drop(batch: StepBatch, { nonFinite }: StepAnswers): Promise<void> {
    this.#optimizer.drop();
    if (mayBeDropped(this.#plan, this.progress)) return;
    await this.save();
    throw refusedStep(this.#plan, batch, nonFinite);
  }

  /** The mean gradient of the last step of an epoch, where it is wanted, before the optimizer's pass, which may write over it. */
  #lastGradient(): Float32Array | undefined {
    const isLast = this.progress.stepInEpoch + 1 === stepsInEpoch(this.#plan, this.progress.epoch);
    const isWanted = isLast && this.#ports.store.lastGradient !== undefined && !this.#optimizer.movesSlices;
    return isWanted ? this.#optimizer.meanGradient() : undefined;
  }

  /** Has the next step computed while this decides and saves, unless the run is sure to end before. It is dropped if the run ends. */
  #askAhead(): void {
    if (this.#ports.signal.aborted || this.progress.step >= this.#plan.totalSteps) return;
    this.#ahead.ask(nextBatch(this.#plan, this.progress), this.#optimizer.weights);
  }

  /** Validates, decides, and goes on to the next epoch or ends. */
  async #endEpoch(): Promise<void> {
    this.#telling.tell();
    const { config } = this.#plan;
    const { epoch, sums, stopping } = this.progress;
    const figures: Figures = { ...means(sums, config.metrics), ...(await this.#validate()) };
    this.#askAhead();
    await this.#keepBest(epoch, figures);
    const stop = config.earlyStopping && watchEpoch(config.earlyStopping, stopping, epoch, figures[config.earlyStopping.monitor]);
    if (stop?.isBest && config.earlyStopping?.restoreBestWeights) this.#stoppingBest = this.#optimizer.weights.slice();
    this.#ports.store.log({ kind: 'epoch', epoch, ...figures });
    this.#ports.store.epochEnds?.(this.#optimizer.weights);
    this.#ports.observer.onEpoch?.({ epoch, ...figures });
    this.progress = afterEpoch(this.#plan, this.progress, figures, stop);
  }

  async #validate(): Promise<Figures> {
    const { config, counts } = this.#plan;
    if (counts.validation === undefined) return {};
    const sizes = chunkSizes(counts.validation, config.validationBatchSize);
    const sums = await this.#ports.workers.evaluate('validation', sizes, this.#optimizer.weights, () => this.#askAhead());
    const figures = means(addUnits(sums), config.metrics, this.#optimizer.penalty());
    return Object.fromEntries(Object.entries(figures).map(([name, value]) => [validationName(name), value]));
  }

  async #keepBest(epoch: number, figures: Figures): Promise<void> {
    const { store } = this.#ports;
    const { best } = this.progress;
    if (!this.#plan.config.checkpoint.saveBestOnly) await store.saveModel(`epochs/${epoch}`, this.#optimizer.weights);
    const monitor = bestMonitor(this.#plan);
    const value = figures[monitor];
    if (value === undefined || !isImprovement(value, best?.value ?? null, directionOf(monitor, 'auto'), 0)) return;
    this.#best = this.#optimizer.weights.slice();
    await store.saveModel('best', this.#best);
    this.progress = { ...this.progress, best: { epoch, value } };
  }

  /** Saves a checkpoint of the last whole step, at any time. */
  async save(): Promise<void> {
    this.#telling.tell();
    const { state } = this.#optimizer;
    const [best, stoppingBest] = [this.#best, this.#stoppingBest];
    await this.#ports.store.saveCheckpoint({ progress: this.progress, optimizer: state, best, stoppingBest });
  }

  async #interrupt(): Promise<never> {
    this.#ports.workers.abandon();
    await this.save();
    throw new Interrupted(`stopped after step ${this.progress.step}, with a checkpoint`);
  }

  async #finish(reason: EndReason): Promise<Outcome> {
    this.#ports.workers.abandon();
    if (this.#stoppingBest) this.#optimizer.setWeights(this.#stoppingBest);
    const finalWeights = this.#optimizer.weights.slice();
    await this.#ports.store.saveModel('final', finalWeights);
    const { epoch, step, best, stopping, noise = initialNoise } = this.progress;
    return {
      ...{ reason, stopping, finalWeights, epochs: epoch, steps: step },
      noiseScale: noiseScaleOf(noise),
      bestEpoch: best?.epoch,
      bestWeights: this.#best ?? finalWeights,
    };
  }
}
