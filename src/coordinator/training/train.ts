import type { Checkpoint } from '../../runFolder/checkpoint.js';
import { validationName } from '../../shared/config/parseConfig.js';
import { divisorOf } from '../../shared/numbers/half/half.js';
import { blockSizeFor, sampleOrder } from '../../shared/numbers/random/sampleOrder.js';
import { Interrupted, RunError } from '../../shared/text/errors.js';
import type { Figures } from '../../shared/text/json.js';
import type { StepAnswers, StepPlan } from '../../step/stepBatch.js';
import { shardRange } from '../../step/tree.js';
import type { Optimizer } from '../../step/update/optimizer.js';
import type { PartSum } from '../../step/update/partedSum.js';
import type { GradientSum } from '../../step/update/treeSum.js';
import { initialNoise, noiseScaleOf, watchNoise } from './noiseScale.js';
import { watchEpoch } from './policies/earlyStopping.js';
import { learningRateAt } from './policies/learningRate.js';
import { bestMonitor, directionOf, isImprovement } from './policies/monitor.js';
import { watchPlateau, withCuts } from './policies/reduceOnPlateau.js';
import type { Outcome, StepFigures, TrainPorts } from './ports.js';
import { addParts, addSums, type EndReason, freshProgress, means, noSums, type Progress } from './progress.js';
import { chunkSizes, stepsInEpoch, type TrainingPlan } from './trainingPlan.js';

/**
 * Trains to the end: for each epoch, for each step: gather the gradient, update; then validate, decide, save.
 * @throws Interrupted when the signal aborts, RunError when the run cannot go on
 */
export async function train(plan: TrainingPlan, optimizer: Optimizer, ports: TrainPorts, from?: Checkpoint): Promise<Outcome> {
  const { config } = plan;
  const training = new Training(plan, optimizer, ports);
  if (from) training.restore(from);
  ports.onSaveable?.(() => training.save());
  while (training.progress.ended === null) {
    const steps = stepsInEpoch(plan, training.progress.epoch);
    while (training.progress.stepInEpoch < steps) {
      if (ports.signal.aborted) await training.interrupt();
      await training.step();
      const isDue = config.checkpoint.every !== 'epoch' && training.progress.step % config.checkpoint.every === 0;
      if (isDue) {
        training.askAhead();
        await training.save();
      }
    }
    // One that is given more steps goes on with this epoch, so what counts is how it was before it ended here.
    const isCut = training.progress.stepInEpoch < plan.stepsPerEpoch;
    if (isCut) await training.save();
    await training.endEpoch();
    if (!isCut && (config.checkpoint.every === 'epoch' || training.progress.ended !== null)) await training.save();
  }
  return training.finish(training.progress.ended);
}

/** The state of one training, and the moves it is made of. */
class Training {
  progress: Progress = freshProgress;
  readonly #plan: TrainingPlan;
  readonly #optimizer: Optimizer;
  readonly #ports: TrainPorts;
  /** The next step's gradients, where they have been asked for ahead of it. */
  #asked: Promise<StepAnswers> | undefined;
  /** When the last step ended, if nothing but a step has followed. */
  #steppedAt: number | undefined;
  #untold: { readonly line: StepFigures; readonly hasMoved: boolean } | undefined;
  /** Of the last step of an epoch, where somebody wants it. */
  #lastGradient: Float32Array | undefined;
  #best: Float32Array | undefined;
  #stoppingBest: Float32Array | undefined;

  constructor(plan: TrainingPlan, optimizer: Optimizer, ports: TrainPorts) {
    this.#plan = plan;
    this.#optimizer = optimizer;
    this.#ports = ports;
  }

  /** Goes on from a checkpoint. */
  restore({ progress, optimizer, best, stoppingBest }: Checkpoint): void {
    this.progress = progress;
    this.#optimizer.restore(optimizer);
    this.#best = best;
    this.#stoppingBest = stoppingBest;
  }

  /** What the step after the last one sees. */
  #nextStep(): StepPlan {
    const { config, counts } = this.#plan;
    const { step, epoch, stepInEpoch } = this.progress;
    const isOver = stepInEpoch === stepsInEpoch(this.#plan, epoch);
    const from = isOver ? 0 : stepInEpoch * config.batchSize;
    return { step, epoch: isOver ? epoch + 1 : epoch, from, count: Math.min(config.batchSize, counts.train - from) };
  }

  /**
   * Has the next step's gradients computed while this decides and saves, unless the run is sure to end before. They are
   * applied only after that, to the same weights; they are dropped if the run ends.
   */
  askAhead(): void {
    if (this.#asked || this.#ports.signal.aborted || this.progress.step >= this.#plan.totalSteps) return;
    this.#asked = this.#ports.workers.gradients(this.#nextStep(), this.#optimizer.weights);
    // Whoever waits for it will hear of it.
    this.#asked.catch(() => undefined);
  }

  async step(): Promise<void> {
    const { config } = this.#plan;
    const { sums } = this.progress;
    const { updating, stepTimes } = this.#ports;
    const startedAt = this.#steppedAt ?? performance.now();
    const isAhead = this.#asked !== undefined;
    const updatedBefore = updating.total;
    const plan = this.#nextStep();
    const { step, epoch, count } = plan;
    const penalty = this.#optimizer.penalty();
    const learningRate = this.#learningRate();
    this.#optimizer.begin(divisorOf(config.compression, count), learningRate);
    const gradients = this.#gradients(plan);
    // While the workers compute.
    this.#tell();
    const answers = await gradients;
    const stepSums = addParts(answers.parts);
    const figures = means(stepSums, config.metrics, penalty);
    // Compression makes large numbers of infinite ones: what their workers found counts as well.
    const hasMoved = Number.isFinite(figures.loss) && answers.isFinite && answers.nonFinite.length === 0;
    this.#keepGradient(answers, count);
    let { noise = initialNoise } = this.progress;
    if (hasMoved) {
      const squaredNorm = updating.time(() => this.#optimizer.commit(answers.gradient));
      noise = watchNoise(noise, answers.parts, squaredNorm);
    } else await this.#refuseStep(plan, answers.nonFinite);
    const withPenalty = { ...stepSums, loss: stepSums.loss + penalty * count };
    this.progress = {
      ...this.progress,
      step: step + 1,
      stepInEpoch: this.progress.stepInEpoch + 1,
      sums: hasMoved ? addSums(sums, withPenalty) : sums,
      skipped: this.progress.skipped + (hasMoved ? 0 : 1),
      skippedInRow: hasMoved ? 0 : this.progress.skippedInRow + 1,
      noise,
    };
    this.#steppedAt = performance.now();
    const time = { compute: answers.computeMs, reduce: answers.reduceMs, update: updating.total - updatedBefore };
    this.#ports.tracer?.step(step, startedAt, this.#steppedAt);
    // Of one that was asked for ahead only a part would be seen.
    if (!isAhead) stepTimes.record({ total: this.#steppedAt - startedAt, ...time });
    this.#untold = { line: { epoch, step, samples: count, ...figures, learningRate, noiseScale: noiseScaleOf(noise) }, hasMoved };
  }

  /** Before the optimizer's pass, which may write over it. */
  #keepGradient({ gradient }: StepAnswers, count: number): void {
    const { epoch, stepInEpoch } = this.progress;
    const isLast = stepInEpoch + 1 === stepsInEpoch(this.#plan, epoch);
    const isWanted = isLast && this.#ports.store.lastGradient !== undefined && !this.#optimizer.movesParts;
    this.#lastGradient = isWanted ? meanOf(gradient, divisorOf(this.#plan.config.compression, count)) : undefined;
  }

  /** Says what came of the last step, unless that has been said. */
  #tell(): void {
    if (!this.#untold) return;
    const { line, hasMoved } = this.#untold;
    this.#untold = undefined;
    this.#ports.store.log({ kind: 'step', ...line, ...(hasMoved ? {} : { skipped: true }) });
    if (this.#lastGradient) this.#ports.store.lastGradient?.(this.#lastGradient);
    this.#lastGradient = undefined;
    this.#ports.observer.onStep?.(line);
  }

  /** Weights and moments are those of the last whole step until the answers are there: a run that is cut off here can save. */
  async #gradients(plan: StepPlan): Promise<StepAnswers> {
    const onPart = this.#optimizer.movesParts ? (part: PartSum): void => this.#move(part) : undefined;
    const asked = this.#asked ?? this.#ports.workers.gradients(plan, this.#optimizer.weights, onPart);
    this.#asked = undefined;
    try {
      return await asked;
    } catch (error) {
      await this.save();
      throw error;
    }
  }

  /** Moves a part of the weights while others are on their way; it counts once the step does. */
  #move({ part, sum }: PartSum): void {
    this.#ports.updating.time(() => this.#optimizer.move(part, sum));
    this.#ports.workers.announce(this.#optimizer.nextWeights, part);
  }

  /** A step whose loss or gradient is not finite, although two computed it: it ends the run or, if asked to, is dropped. */
  async #refuseStep(plan: StepPlan, nonFinite: StepAnswers['nonFinite']): Promise<void> {
    const { onNonFinite, maxSkipped } = this.#plan.config;
    if (onNonFinite === 'skip' && this.progress.skippedInRow < maxSkipped) return;
    await this.save();
    const [first] = nonFinite;
    const place = first
      ? `${first.worker}, shard ${first.shard}, samples ${this.#samplesOf(plan, first.shard).join(', ')}`
      : 'the sum over the shards';
    const rule = onNonFinite === 'skip' ? `, and ${maxSkipped} steps in a row were dropped before` : '';
    throw new RunError(
      `step ${plan.step}: the loss or gradient is not finite (${place})${rule}; the weights before it are saved; lower the learning rate, clip the gradient, or look at these samples`,
    );
  }

  /** The first sample numbers of a shard. */
  #samplesOf({ epoch, from, count }: StepPlan, shard: number): number[] {
    const { config, counts, network } = this.#plan;
    const range = shardRange(shard, config.shards, count);
    const order = sampleOrder(counts.train, config.seed, epoch, config.shuffle, blockSizeFor(network.inputs));
    return [...order.subarray(from + range.from, from + range.to)].slice(0, 5);
  }

  /** Validates, decides, and goes on to the next epoch or ends. */
  async endEpoch(): Promise<void> {
    this.#steppedAt = undefined;
    this.#tell();
    const { config } = this.#plan;
    const { epoch, sums, stopping } = this.progress;
    const figures: Figures = { ...means(sums, config.metrics), ...(await this.#validate()) };
    this.askAhead();
    await this.#keepBest(epoch, figures);
    const stop = config.earlyStopping && watchEpoch(config.earlyStopping, stopping, epoch, figures[config.earlyStopping.monitor]);
    if (stop?.isBest && config.earlyStopping?.restoreBestWeights) this.#stoppingBest = this.#optimizer.weights.slice();
    const line = { epoch, ...figures };
    this.#ports.store.log({ kind: 'epoch', ...line });
    this.#ports.store.epochEnds?.(this.#optimizer.weights);
    this.#ports.observer.onEpoch?.(line);
    this.progress = {
      ...this.progress,
      epoch: epoch + 1,
      stepInEpoch: 0,
      sums: noSums,
      epochLoss: Number.isFinite(figures['loss']) ? figures['loss'] : undefined,
      stopping: stop?.state ?? stopping,
      plateau: this.#plateau(figures),
      ended: this.#reasonToEnd(figures, stop?.shouldStop ?? false),
    };
  }

  #reasonToEnd(figures: Figures, shouldStop: boolean): EndReason | null {
    const { config, totalSteps } = this.#plan;
    const { step } = this.progress;
    if (shouldStop) return 'earlyStopping';
    if (config.target !== undefined && (figures['loss'] ?? Number.NaN) <= config.target) return 'target';
    if (step < totalSteps) return null;
    return config.steps === step ? 'steps' : 'epochs';
  }

  async save(): Promise<void> {
    this.#steppedAt = undefined;
    this.#tell();
    await this.#ports.store.saveCheckpoint({
      progress: this.progress,
      optimizer: this.#optimizer.state,
      best: this.#best,
      stoppingBest: this.#stoppingBest,
    });
  }

  async interrupt(): Promise<never> {
    this.#ports.workers.abandon();
    await this.save();
    throw new Interrupted(`stopped after step ${this.progress.step}, with a checkpoint`);
  }

  async finish(reason: EndReason): Promise<Outcome> {
    this.#ports.workers.abandon();
    if (this.#stoppingBest) this.#optimizer.setWeights(this.#stoppingBest);
    const finalWeights = this.#optimizer.weights.slice();
    await this.#ports.store.saveModel('final', finalWeights);
    const { epoch, step, best, stopping, noise = initialNoise } = this.progress;
    const noiseScale = noiseScaleOf(noise);
    return {
      reason,
      noiseScale,
      epochs: epoch,
      steps: step,
      bestEpoch: best?.epoch,
      stopping,
      bestWeights: this.#best ?? finalWeights,
      finalWeights,
    };
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
    const parts = await this.#ports.workers.evaluate('validation', sizes, this.#optimizer.weights, () => this.askAhead());
    const figures = means(addParts(parts), config.metrics, this.#optimizer.penalty());
    return Object.fromEntries(Object.entries(figures).map(([name, value]) => [validationName(name), value]));
  }

  async #keepBest(epoch: number, figures: Figures): Promise<void> {
    const { config } = this.#plan;
    const { best } = this.progress;
    if (!config.checkpoint.saveBestOnly) await this.#ports.store.saveModel(`epochs/${epoch}`, this.#optimizer.weights);
    const monitor = bestMonitor(this.#plan);
    const value = figures[monitor];
    if (value === undefined || !isImprovement(value, best?.value ?? null, directionOf(monitor, 'auto'), 0)) return;
    this.#best = this.#optimizer.weights.slice();
    await this.#ports.store.saveModel('best', this.#best);
    this.progress = { ...this.progress, best: { epoch, value } };
  }
}

/** A gradient sum, whole and divided. */
function meanOf(sums: readonly GradientSum[], count: number): Float32Array {
  const mean = new Float32Array(sums.reduce((size, { gradient }) => size + gradient.length, 0));
  let offset = 0;
  for (const { gradient, addend } of sums) {
    for (let i = 0; i < gradient.length; i++) mean[offset + i] = ((gradient[i] ?? 0) + (addend?.[i] ?? 0)) / count;
    offset += gradient.length;
  }
  return mean;
}
