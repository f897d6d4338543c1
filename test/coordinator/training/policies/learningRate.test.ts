import { test } from 'tap';
import { fixSchedule, learningRateAt, scheduleNotes } from '../../../../src/coordinator/training/policies/learningRate.js';
import type { Schedule } from '../../../../src/shared/config/optimizerSchema.js';

/** Rates of some steps, rounded to nine decimals. */
function ratesAt(schedule: Schedule, ...steps: number[]): number[] {
  return steps.map((step) => Math.round(learningRateAt(schedule, step) * 1e9) / 1e9);
}

const exponential = {
  schedule: 'exponentialDecay',
  initial: 0.5,
  decaySteps: 50,
  decayRate: 0.25,
  staircase: false,
  warmupSteps: 0,
} as const;
const cosine = { schedule: 'cosineDecay', initial: 0.4, decaySteps: 100, alpha: 0, warmupSteps: 0 } as const;
const polynomial = {
  schedule: 'polynomialDecay',
  initial: 0.1,
  decaySteps: 10,
  end: 0.02,
  power: 1,
  cycle: false,
  warmupSteps: 0,
} as const;
const piecewise: Schedule = { schedule: 'piecewiseConstant', boundaries: [2, 5], values: [0.3, 0.2, 0.1], warmupSteps: 0 };

test('a constant rate stays', (t) => {
  t.same(ratesAt({ schedule: 'constant', initial: 0.01, warmupSteps: 0 }, 0, 1, 1_000_000), [0.01, 0.01, 0.01]);
  t.end();
});

test('exponentialDecay falls smoothly, or in steps with staircase', (t) => {
  t.same(ratesAt(exponential, 0, 25, 50, 75, 100), [0.5, 0.25, 0.125, 0.0625, 0.03125]);
  t.same(ratesAt({ ...exponential, staircase: true }, 0, 49, 50, 99, 100), [0.5, 0.5, 0.125, 0.125, 0.03125]);
  t.end();
});

test('cosineDecay falls to alpha times its start and stays there', (t) => {
  t.same(ratesAt(cosine, 0, 50, 100, 1_000), [0.4, 0.2, 0, 0]);
  t.same(ratesAt({ ...cosine, alpha: 0.5 }, 0, 50, 100, 1_000), [0.4, 0.3, 0.2, 0.2]);
  t.equal(ratesAt(cosine, 25)[0], 0.341421356, '0.2 * (1 + cos(pi / 4))');
  t.end();
});

test('piecewiseConstant keeps a rate up to and including its boundary', (t) => {
  const schedule = { ...piecewise, boundaries: [...piecewise.boundaries], values: [...piecewise.values] };
  t.same(ratesAt(schedule, 0, 2, 3, 5, 6, 99), [0.3, 0.3, 0.2, 0.2, 0.1, 0.1]);
  t.throws(() => learningRateAt({ ...schedule, values: [0.3] }, 9), new RangeError('piecewiseConstant: expected 3 values, got 1'));
  t.end();
});

test('polynomialDecay falls to its end and stays there', (t) => {
  t.same(ratesAt(polynomial, 0, 5, 10, 11), [0.1, 0.06, 0.02, 0.02]);
  t.same(ratesAt({ ...polynomial, power: 2 }, 0, 5, 10), [0.1, 0.04, 0.02]);
  t.end();
});

test('polynomialDecay with cycle starts again on a longer slope', (t) => {
  t.same(ratesAt({ ...polynomial, cycle: true }, 0, 5, 10, 11, 15, 20, 25), [0.1, 0.06, 0.02, 0.056, 0.04, 0.02, 0.033333333]);
  t.end();
});

test('a warm-up rises linearly, and the schedule counts from its end', (t) => {
  t.same(ratesAt({ schedule: 'constant', initial: 0.4, warmupSteps: 4 }, 0, 1, 2, 3, 4, 5), [0.1, 0.2, 0.3, 0.4, 0.4, 0.4]);
  t.same(ratesAt({ ...exponential, warmupSteps: 2 }, 0, 1, 2, 27, 52), [0.25, 0.5, 0.5, 0.25, 0.125]);
  t.end();
});

test('a schedule without a length gets that of the run behind the warm-up', (t) => {
  const { decaySteps: _cosine, ...openCosine } = cosine;
  const { decaySteps: _polynomial, ...openPolynomial } = polynomial;
  t.same(fixSchedule({ ...openCosine, warmupSteps: 10 }, 110), { ...openCosine, warmupSteps: 10, decaySteps: 100 });
  t.same(fixSchedule(openPolynomial, 30), { ...openPolynomial, decaySteps: 30 });
  t.same(fixSchedule({ ...openCosine, warmupSteps: 10 }, 5), { ...openCosine, warmupSteps: 10, decaySteps: 1 }, 'never under one step');
  t.same(fixSchedule(cosine, 7), cosine, 'its own length stays');
  t.same(fixSchedule(exponential, 7), exponential);
  t.throws(() => learningRateAt(openCosine, 0), new RangeError('cosineDecay: decaySteps is not fixed yet'));
  t.throws(() => learningRateAt(openPolynomial, 0), new RangeError('polynomialDecay: decaySteps is not fixed yet'));
  t.end();
});

test('a schedule that is over before the run, and a warm-up that is not, are told of', (t) => {
  const over = (schedule: Schedule, total: number, isResumed = false): string => scheduleNotes(schedule, total, isResumed).join('\n');
  t.match(
    over(cosine, 101),
    /^learning rate: the schedule \(cosineDecay\) is over after 100 of 101 steps, and the rate stays at 0; leave decaySteps out/,
  );
  t.match(over({ ...cosine, warmupSteps: 5 }, 200, true), /is over after 105 of 200 steps, and the rate stays at 0; .*--from RUN/);
  t.match(over(polynomial, 20), /\(polynomialDecay\) is over after 10 of 20 steps, and the rate stays at 0\.02;/);
  for (const schedule of [cosine, exponential, piecewise, { ...polynomial, cycle: true }]) t.equal(over(schedule, 100), '');
  t.match(
    over({ ...piecewise, warmupSteps: 40 }, 40),
    /^learning rate: expected a warm-up of fewer than the run's 40 steps, got 40: the rate does not reach 0\.3;/,
  );
  t.end();
});
