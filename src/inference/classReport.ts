import type { Judgement } from './judge.js';

/** How a model does on one class. */
export interface ClassFigures {
  readonly class: string;
  /** Samples that are of it. */
  readonly samples: number;
  /** Samples that are given it. */
  readonly given: number;
  /** Of those that are given it, how many are of it; NaN where none are given it. */
  readonly precision: number;
  /** Of those that are of it, how many are given it; NaN where there are none. */
  readonly recall: number;
}

/** Samples whose class is given about as much probability, and how often it is right: as often, of a model that is calibrated. */
export interface CalibrationBin {
  readonly from: number;
  readonly to: number;
  readonly samples: number;
  /** Mean probability of the class that is given. */
  readonly confidence: number;
  /** How many of them are of it. */
  readonly accuracy: number;
}

/** What a classifier gets right and wrong on some samples. */
export interface ClassReport {
  readonly classes: readonly ClassFigures[];
  /** Samples by the class they are of (row) and the class they are given (column). */
  readonly confusion: readonly (readonly number[])[];
  readonly calibration: readonly CalibrationBin[];
  /** Mean distance between confidence and accuracy, weighted by samples (Guo et al. 2017, with ten bins). */
  readonly calibrationError: number;
  /** The samples to whose class it gives the least probability, of those that it gets wrong. */
  readonly worst: readonly Judgement[];
}

const bins = 10;

/** Gathers judgements, one by one. */
export class ClassTally {
  readonly #names: readonly string[];
  readonly #worstCount: number;
  readonly #confusion: number[][];
  readonly #bins = Array.from({ length: bins }, () => ({ samples: 0, confidence: 0, right: 0 }));
  #worst: Judgement[] = [];

  /**
   * @param names of the classes, in the order of their numbers
   * @param worst how many of the samples that are most wrong are kept
   */
  constructor(names: readonly string[], worst: number) {
    this.#names = names;
    this.#worstCount = worst;
    this.#confusion = names.map(() => new Array<number>(names.length).fill(0));
  }

  add(judgement: Judgement): void {
    const { target, class: given, probability } = judgement;
    const row = this.#confusion[target];
    if (row) row[given] = (row[given] ?? 0) + 1;
    const bin = this.#bins[Math.min(bins - 1, Math.floor(probability * bins))];
    if (bin) {
      bin.samples++;
      bin.confidence += probability;
      if (given === target) bin.right++;
    }
    if (given === target) return;
    this.#worst.push(judgement);
    // Not sorted anew for every sample.
    if (this.#worst.length > 4 * this.#worstCount + 64) this.#worst = this.#leastOfTarget();
  }

  report(): ClassReport {
    const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
    const classes = this.#names.map((name, i) => {
      const right = this.#confusion[i]?.[i] ?? 0;
      const samples = sum(this.#confusion[i] ?? []);
      const given = sum(this.#confusion.map((row) => row[i] ?? 0));
      return { class: name, samples, given, precision: right / given, recall: right / samples };
    });
    const calibration = this.#bins.flatMap(({ samples, confidence, right }, i) =>
      samples === 0 ? [] : [{ from: i / bins, to: (i + 1) / bins, samples, confidence: confidence / samples, accuracy: right / samples }],
    );
    const all = sum(calibration.map(({ samples }) => samples));
    const calibrationError = sum(calibration.map(({ samples, confidence, accuracy }) => (samples * Math.abs(confidence - accuracy)) / all));
    return { classes, confusion: this.#confusion, calibration, calibrationError, worst: this.#leastOfTarget() };
  }

  #leastOfTarget(): Judgement[] {
    return this.#worst.sort((a, b) => a.ofTarget - b.ofTarget).slice(0, this.#worstCount);
  }
}
