import { cpus } from 'node:os';
import { type Member, waitedMs } from '../coordinator/members/roster.js';
import type { StepFiguresMs } from '../coordinator/timing/stepTimes.js';
import type { StoppingState } from '../coordinator/training/policies/earlyStopping.js';
import type { Outcome } from '../coordinator/training/ports.js';
import type { EndReason } from '../coordinator/training/progress.js';
import type { TrainingPlan } from '../coordinator/training/trainingPlan.js';
import { version } from '../shared/system/version.js';
import type { Figures } from '../shared/text/json.js';

/** What a run ends with: the content of summary.json. */
export interface RunSummary extends Record<string, unknown> {
  readonly reason: EndReason;
  readonly bestEpoch: number | undefined;
  /** What early stopping has seen, where it ended the run. */
  readonly earlyStopping?: StoppingState;
  /** The gradient noise scale at the end, in samples; null where it cannot be told. */
  readonly noiseScale: number | null;
  readonly epochs: number;
  readonly steps: number;
  readonly seconds: number;
  readonly samplesPerSecond: number;
  readonly testLoss?: number;
  readonly testAccuracy?: number;
  readonly workers: readonly WorkerSummary[];
  readonly strangers: Strangers;
  /** How often workers were asked for gradients in memory that is shared with them, and how often in messages. */
  readonly asked: { readonly memory: number; readonly messages: number };
  /** How long the last steps took, and what on; absent where none was taken. */
  readonly stepMs: StepFiguresMs | undefined;
  /** Where the coordinator's own time went. */
  readonly coordinator: { readonly reduceSeconds: number; readonly updateSeconds: number };
}

/** What came that did not belong to the run, counted. */
export interface Strangers {
  /** Connections that were not let in: without the key, or of programs that are no workers. */
  readonly turnedAway: number;
  /** Peers that were sent away for what they said. */
  readonly refused: number;
  /** Answers that came after their part had been given to another. */
  readonly lateAnswers: number;
}

export interface SummaryParts {
  readonly plan: TrainingPlan;
  readonly outcome: Outcome;
  readonly members: readonly Member[];
  /** Steps that were taken this time: fewer than the outcome's after a resume. */
  readonly steps: number;
  /** Milliseconds of the monotonic clock: first step, end of the last epoch. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** Test figures of the best weights and of the final ones; absent without a test set. */
  readonly test: { readonly best: Figures; readonly final: Figures } | undefined;
  readonly fingerprint: string;
  readonly strangers: Strangers;
  readonly asked: RunSummary['asked'];
  /** Milliseconds that the coordinator spent adding gradients up and moving the weights. */
  readonly reduceMs: number;
  readonly updateMs: number;
  readonly stepMs: StepFiguresMs | undefined;
  readonly commandLine: readonly string[];
}

export function summarize(parts: SummaryParts): RunSummary {
  const {
    plan,
    outcome,
    steps,
    members,
    startedAt,
    endedAt,
    test,
    fingerprint,
    strangers,
    asked,
    reduceMs,
    updateMs,
    stepMs,
    commandLine,
  } = parts;
  const seconds = (endedAt - startedAt) / 1_000;
  const samples = samplesIn(outcome.steps, plan) - samplesIn(outcome.steps - steps, plan);
  return {
    ...(test ? { ...prefixed('test', test.best), ...prefixed('finalTest', test.final) } : {}),
    reason: outcome.reason,
    bestEpoch: outcome.bestEpoch,
    ...(outcome.reason === 'earlyStopping' && { earlyStopping: outcome.stopping }),
    noiseScale: outcome.noiseScale,
    epochs: outcome.epochs,
    steps: outcome.steps,
    seconds,
    samplesPerSecond: samples / seconds,
    parameters: plan.network.layout.size,
    workers: members.map((member) => workerSummary(member, startedAt, endedAt)),
    stepMs,
    coordinator: { reduceSeconds: reduceMs / 1_000, updateSeconds: updateMs / 1_000 },
    strangers,
    asked,
    version,
    node: process.version,
    cpu: cpus()[0]?.model.trim() ?? process.arch,
    engine: members[0]?.ready?.engine,
    fingerprint,
    commandLine,
  };
}

/** Samples of the first so many steps: only an epoch's last may be smaller. */
function samplesIn(steps: number, { stepsPerEpoch, counts, config }: TrainingPlan): number {
  return Math.floor(steps / stepsPerEpoch) * counts.train + (steps % stepsPerEpoch) * config.batchSize;
}

export interface WorkerSummary {
  readonly name: string;
  readonly host: string;
  readonly pid: number;
  readonly cpu: string;
  readonly engine: string;
  /** Shards and evaluation chunks it has answered for. */
  readonly answers: number;
  readonly computeSeconds: number;
  readonly waitSeconds: number;
}

function workerSummary(member: Member, startedAt: number, endedAt: number): WorkerSummary {
  const { name, hello, ready, units, computeMs } = member;
  return {
    name,
    host: hello.host,
    pid: hello.pid,
    cpu: hello.cpu,
    engine: ready?.engine.library ?? 'none',
    answers: units,
    computeSeconds: computeMs / 1_000,
    waitSeconds: waitedMs(member, startedAt, endedAt) / 1_000,
  };
}

/** `loss` to `testLoss`. */
function prefixed(prefix: string, figures: Figures): Figures {
  return Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [`${prefix}${name.charAt(0).toUpperCase()}${name.slice(1)}`, value]),
  );
}
