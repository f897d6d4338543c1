import type { Checkpoint } from './checkpoint.js';

/** What a checkpoint of a run must agree with. */
export interface RunIdentity {
  /** The run's name for itself in its checkpoints; undefined where it was begun by an earlier version. */
  readonly run: string | undefined;
  readonly parameters: number;
  /** Has it come to its end? Then its metrics are whole. */
  readonly isFinished: boolean;
  /** So many bytes of its metrics.jsonl from its start, or the end of them; fewer where it is shorter. */
  readonly metrics: (bytes: number) => MetricsEnd;
}

export interface MetricsEnd {
  /** Are there as many bytes as were asked for? */
  readonly isWhole: boolean;
  readonly text: string;
}

/** Why a checkpoint is not one of this run; undefined where it is, as far as can be known. */
export function foreignness({ run, optimizer, progress, metricsBytes }: Checkpoint, own: RunIdentity): string | undefined {
  const parameters = optimizer.weights.length;
  if (parameters !== own.parameters) return `it is of another run: it has ${parameters} parameters, this run ${own.parameters}`;
  if (run !== undefined) return run === own.run ? undefined : 'it is of another run';
  // Those of earlier versions do not say whose they are, but the metrics that they count end with their last step.
  const { isWhole, text } = own.metrics(metricsBytes);
  if (!isWhole && own.isFinished) return "it is of another run: this run's metrics.jsonl is shorter than it says";
  if (!isWhole || text.includes('\0')) return undefined;
  if (text !== '' && !text.endsWith('\n')) return "it is of another run: this run's metrics.jsonl has no line that ends where it says";
  const last = lastStep(text);
  if (last === undefined || last === progress.step - 1) return undefined;
  return `it is of another run: where it says, this run's metrics.jsonl has step ${last}, expected ${progress.step - 1}`;
}

/**
 * Earlier versions closed the epoch that `steps` cut short, so that its other steps would be left out.
 * @param steps how many the run is to take
 */
export function isCutShort({ progress }: Checkpoint, steps: number | undefined): boolean {
  return progress.ended === 'steps' && progress.epochLoss === undefined && (steps ?? Number.POSITIVE_INFINITY) > progress.step;
}

/** The number of the last step that some lines tell of. */
function lastStep(lines: string): number | undefined {
  const line = lines.split('\n').findLast((line) => line.startsWith('{"kind":"step",'));
  const [, step] = /"step":(\d+)/.exec(line ?? '') ?? [];
  return step === undefined ? undefined : Number(step);
}
