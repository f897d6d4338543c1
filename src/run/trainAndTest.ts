import { rm } from 'node:fs/promises';
import type { StepWatch } from '../coordinator/timing/stepWatch.js';
import { bestMonitor } from '../coordinator/training/policies/monitor.js';
import type { Observer, Outcome, Workers } from '../coordinator/training/ports.js';
import { addUnits, means } from '../coordinator/training/progress.js';
import { Training } from '../coordinator/training/train.js';
import type { TrainingPlan } from '../coordinator/training/trainingPlan.js';
import { withoutSecretsIn } from '../data/remote/dataAddress.js';
import type { Resumption } from '../runFolder/resume.js';
import type { RunFolder } from '../runFolder/runFolder.js';
import { type RunSummary, summarize } from '../runFolder/summary.js';
import { penaltyOf } from '../shared/model/penalty.js';
import { twin } from '../shared/numbers/kernel/twin.js';
import { errorMessage, RunError } from '../shared/text/errors.js';
import type { Figures } from '../shared/text/json.js';
import type { Hub } from '../shared/transport/transport.js';
import { chunkSizes } from '../step/stepBatch.js';
import type { CoordinatorArrays } from './coordinatorArrays.js';
import type { PreparedRun } from './prepareRun.js';
import { storeOf } from './store.js';
import type { Workforce } from './workforce.js';

/** All that a training needs once its workers are there. */
export interface TrainingParts {
  /** Names the run in its checkpoints. */
  readonly run: string | undefined;
  readonly folder: RunFolder;
  readonly hub: Hub;
  readonly prepared: PreparedRun;
  readonly arrays: CoordinatorArrays;
  readonly workforce: Workforce;
  readonly resume: Resumption | undefined;
  readonly observer: Observer;
  readonly watch: StepWatch;
  readonly signal: AbortSignal;
  readonly commandLine: readonly string[];
  readonly notice: (line: string) => void;
}

/**
 * Trains to the end, evaluates on the test set, and writes what came of it into the run's folder.
 * @throws Interrupted when the signal aborts, RunError when the run cannot go on
 */
export async function trainAndTest(parts: TrainingParts): Promise<{ readonly outcome: Outcome; readonly summary: RunSummary }> {
  const { run, folder, hub, prepared, arrays, workforce, resume, observer, watch, signal, commandLine, notice } = parts;
  const { plan, fingerprint } = prepared;
  const { fleet } = workforce;
  const workers = watch.workers(workforce.workers);
  const stepsBefore = resume?.checkpoint?.progress.step ?? 0;
  const { RunEvents } = plan.config.tensorboard ? await import('../view/tensorboard/runEvents.js') : {};
  const events = RunEvents && new RunEvents(folder.path, plan, stepsBefore, notice);
  try {
    const startedAt = performance.now();
    const store = watch.store(storeOf(folder, run, prepared, events, () => arrays.optimizer.state));
    // It is not over any more, for whoever looks for runs to go on with.
    if (resume) await rm(folder.file('summary.json'), { force: true });
    if (resume?.checkpoint?.best) await store.saveModel('best', resume.checkpoint.best);
    const ports = { workers, store, observer: telling(observer, notice), signal, steps: watch };
    const training = new Training(plan, arrays.optimizer, ports, resume?.checkpoint);
    // It waits for workers, which may not come.
    workforce.events.on('short', () => training.save().catch((error: unknown) => notice(errorMessage(error))));
    const outcome = await training.run();
    const endedAt = performance.now();
    const test = await evaluateTest(workers, plan, outcome);
    const summary = summarize({
      ...{ plan, outcome, startedAt, endedAt, test, fingerprint },
      commandLine: commandLine.map(withoutSecretsIn),
      steps: outcome.steps - stepsBefore,
      members: fleet.roster.everReady,
      strangers: { turnedAway: hub.turnedAway, refused: fleet.refused, lateAnswers: fleet.work.answers.late },
      asked: { ...fleet.work.asked },
      reduceMs: watch.adding.total,
      updateMs: watch.updating.total,
      stepMs: watch.steps.figures(),
    });
    await folder.writeSummary(summary);
    const odd = Object.entries(test?.best ?? {}).find(([, value]) => !Number.isFinite(value));
    if (odd) notice(notFinite(`test ${odd[0]}`, odd[1]));
    if (outcome.epochs > 0 && outcome.bestEpoch === undefined)
      throw new RunError(
        `no epoch has a finite ${bestMonitor(plan)}: there is no best model; the final weights are in ${folder.shown}/final`,
      );
    return { outcome, summary };
  } finally {
    events?.close();
  }
}

/** The test figures of the best weights and of the final ones. */
async function evaluateTest(
  workers: Workers,
  { config, counts, network }: TrainingPlan,
  outcome: Outcome,
): Promise<{ best: Figures; final: Figures } | undefined> {
  if (counts.test === undefined) return undefined;
  const sizes = chunkSizes(counts.test, config.validationBatchSize);
  const figures = async (weights: Float32Array): Promise<Figures> => {
    const sums = addUnits(await workers.evaluate('test', sizes, weights));
    return means(sums, config.metrics, penaltyOf(network.layout, weights, twin));
  };
  return { best: await figures(outcome.bestWeights), final: await figures(outcome.finalWeights) };
}

/** Says at the first epoch whose evaluation is not finite that it is not, and why that may be. */
function telling(observer: Observer, notice: (line: string) => void): Observer {
  let isTold = false;
  return {
    ...(observer.onStep && { onStep: (figures) => observer.onStep?.(figures) }),
    onEpoch(line) {
      const found = isTold ? undefined : Object.entries(line).find(([, value]) => !Number.isFinite(value));
      if (found) notice(`epoch ${line.epoch + 1}: ${notFinite(...found)}`);
      isTold ||= found !== undefined;
      observer.onEpoch?.(line);
    },
  };
}

function notFinite(name: string, value: number): string {
  return `${name} is ${value}: outputs or losses of some of its samples are beyond float32 (inputs far from those that were trained on, or weights that have grown without end)`;
}
