import type { RunStatus, WorkerStatus } from '../../runFolder/runStatus.js';
import type { HardestImages } from '../../shared/model/hardestImages.js';

/** What server and page say to each other. A number that is not finite, or not known, is null. */
export type Value = number | null;

/** GET /api/runs: what there is to see. */
export interface RunList {
  readonly runs: readonly { readonly id: string }[];
}

/** Something that happened in a run, for its log. Runs of earlier versions have no times. */
export interface RunEvent {
  /** Milliseconds since 1970. */
  readonly time: Value;
  readonly kind: 'notice' | 'ready' | 'left';
  readonly line: string;
}

export interface LayerInfo {
  readonly name: string;
  /** Activation, or rate of dropout. */
  readonly detail: string;
  readonly outputShape: readonly number[];
  readonly parameters: number;
}

/** GET /api/runs/ID: all of a run but its steps. */
export interface RunSnapshot {
  /** Its folder's name, with a number where two have the same. */
  readonly id: string;
  readonly path: string;
  readonly status: RunStatus | null;
  /** As in `RunChange`. */
  readonly isSilent: boolean;
  readonly summary: Readonly<Record<string, unknown>> | null;
  /** Lines of an epoch: `epoch`, the steps done by then, and figures by name. */
  readonly epochs: readonly Readonly<Record<string, Value>>[];
  readonly events: readonly RunEvent[];
  readonly layers: readonly LayerInfo[];
  /** Names of the figures of a step, such as loss and accuracy; learningRate and noiseScale are not among them. */
  readonly figures: readonly string[];
  /** Speed now and then: clock, steps done, samples a second. */
  readonly pace: readonly { readonly time: number; readonly step: number; readonly samplesPerSecond: Value }[];
  /** Can images that the model gets wrong be shown? */
  readonly hasImages: boolean;
}

/** One column of figures, of as many steps as the stride each: their mean and, unless the stride is 1, least and largest. */
export interface Column {
  readonly mean: readonly Value[];
  readonly min?: readonly Value[];
  readonly max?: readonly Value[];
}

/** GET /api/runs/ID/steps?from=0&to=1000&stride=1: steps [from, to), `stride` of them a point. */
export interface StepSeries {
  readonly from: number;
  readonly to: number;
  readonly stride: number;
  readonly step: readonly number[];
  /** Samples seen up to then. */
  readonly samples: readonly number[];
  readonly columns: Readonly<Record<string, Column>>;
}

/** An event of GET /api/events: what has changed of a run. */
export interface RunChange {
  readonly id: string;
  /** Another number than before: the run was taken up from an earlier checkpoint, and all of it is to be read again. */
  readonly generation: number;
  readonly steps: number;
  readonly epochs: number;
  readonly events: number;
  readonly hasSummary: boolean;
  /** Its status was to be written long ago: the coordinator is gone, or cannot be reached. */
  readonly isSilent: boolean;
  readonly status: RunStatus | null;
}

/** The last event of GET /api/events: the server ends. */
export interface ServerEnd {
  /** Why the run has failed, where it has. */
  readonly reason: string | null;
  /** Runs that can be looked at again: one that never began leaves nothing. */
  readonly runs: readonly string[];
}

/** GET /api/runs/ID/hardest answers with the first; the others are parts of a snapshot. The page imports nothing beyond view. */
export type { HardestImages, RunStatus, WorkerStatus };
