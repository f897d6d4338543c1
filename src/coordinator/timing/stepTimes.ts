/** Where the time of one step went, in milliseconds. */
export interface StepTime {
  /** From the end of the step before, but for validating, deciding and saving between them. */
  readonly total: number;
  /** Of the worker that computed longest, by its own clock. */
  readonly compute: number;
  /** Adding gradients up, but for what the optimizer's pass adds. */
  readonly reduce: number;
  /** The optimizer's pass. */
  readonly update: number;
}

/** The last steps of a run but for those computed ahead, when caches and compilers have warmed up: means in milliseconds, and how far steps differ. */
export interface StepFiguresMs {
  readonly steps: number;
  readonly mean: number;
  readonly median: number;
  readonly p99: number;
  readonly compute: number;
  readonly reduce: number;
  readonly update: number;
}

/** Steps that are kept. */
const recent = 2_000;

/** Keeps the times of the last steps. */
export class StepTimes {
  readonly #times: StepTime[] = [];
  #count = 0;

  record(time: StepTime): void {
    this.#times[this.#count++ % recent] = time;
  }

  /** Undefined before the first step. */
  figures(): StepFiguresMs | undefined {
    const steps = this.#times.length;
    if (steps === 0) return undefined;
    const mean = (part: keyof StepTime): number => this.#times.reduce((sum, time) => sum + time[part], 0) / steps;
    const sorted = this.#times.map(({ total }) => total).sort((a, b) => a - b);
    const at = (quantile: number): number => sorted[Math.min(steps - 1, Math.floor(steps * quantile))] ?? 0;
    return {
      ...{ steps, mean: mean('total'), median: at(0.5), p99: at(0.99) },
      ...{ compute: mean('compute'), reduce: mean('reduce'), update: mean('update') },
    };
  }
}
