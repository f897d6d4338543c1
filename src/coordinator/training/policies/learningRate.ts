import type { Schedule } from '../../../shared/config/optimizerSchema.js';

/** The learning rate as a function of the global step; formulas are those of keras.optimizers.schedules (Keras 3.15). */

/**
 * Fills in the length of a schedule that has none: all steps after the warm-up. Done once, at the start of a run, and kept.
 * @param totalSteps steps that the run is planned to take
 */
export function fixSchedule(schedule: Schedule, totalSteps: number): Schedule {
  if (schedule.schedule !== 'cosineDecay' && schedule.schedule !== 'polynomialDecay') return schedule;
  return { ...schedule, decaySteps: schedule.decaySteps ?? Math.max(1, totalSteps - schedule.warmupSteps) };
}

/**
 * The rate of one step. The warm-up rises linearly to the schedule's first rate; the schedule counts from its end.
 * @param step global step, counted from 0
 * @throws RangeError where the schedule has no length yet; see `fixSchedule`
 */
export function learningRateAt(schedule: Schedule, step: number): number {
  const { warmupSteps } = schedule;
  if (step < warmupSteps) return (scheduledRate(schedule, 0) * (step + 1)) / warmupSteps;
  return scheduledRate(schedule, step - warmupSteps);
}

/**
 * What a person should know of a schedule that does not fit the run's length.
 * @param schedule with its length, see `fixSchedule`
 * @param isResumed is it a run's that goes on? Its schedule cannot be changed any more
 */
export function scheduleNotes(schedule: Schedule, totalSteps: number, isResumed: boolean): string[] {
  const { warmupSteps } = schedule;
  if (warmupSteps >= totalSteps) {
    const rate = scheduledRate(schedule, 0);
    return [
      `learning rate: expected a warm-up of fewer than the run's ${totalSteps} steps, got ${warmupSteps}: the rate does not reach ${rate}; set fewer warmupSteps, or train longer`,
    ];
  }
  const end = warmupSteps + decayOf(schedule);
  if (end >= totalSteps) return [];
  const advice = isResumed
    ? 'to train on with a higher rate, start a new run from this one (--from RUN) with its own learning rate'
    : 'leave decaySteps out for a schedule as long as the run';
  return [
    `learning rate: the schedule (${schedule.schedule}) is over after ${end} of ${totalSteps} steps, and the rate stays at ${learningRateAt(schedule, end)}; ${advice}`,
  ];
}

/** Steps after which a rate stays as it is. */
function decayOf(schedule: Schedule): number {
  if (schedule.schedule === 'cosineDecay') return lengthOf(schedule);
  return schedule.schedule === 'polynomialDecay' && !schedule.cycle ? lengthOf(schedule) : Number.POSITIVE_INFINITY;
}

function scheduledRate(schedule: Schedule, step: number): number {
  switch (schedule.schedule) {
    case 'constant':
      return schedule.initial;
    case 'exponentialDecay': {
      const periods = step / schedule.decaySteps;
      return schedule.initial * schedule.decayRate ** (schedule.staircase ? Math.floor(periods) : periods);
    }
    case 'cosineDecay': {
      const done = Math.min(1, step / lengthOf(schedule));
      const cosine = (1 + Math.cos(Math.PI * done)) / 2;
      return schedule.initial * ((1 - schedule.alpha) * cosine + schedule.alpha);
    }
    case 'piecewiseConstant':
      return piecewiseRate(schedule, step);
    case 'polynomialDecay': {
      const { initial, end, power } = schedule;
      return (initial - end) * (1 - polynomialProgress(schedule, step)) ** power + end;
    }
  }
}

/** Keras keeps a rate up to and including its boundary. */
function piecewiseRate({ boundaries, values }: Extract<Schedule, { schedule: 'piecewiseConstant' }>, step: number): number {
  const piece = boundaries.filter((boundary) => boundary < step).length;
  const rate = values[piece];
  if (rate === undefined) throw new RangeError(`piecewiseConstant: expected ${boundaries.length + 1} values, got ${values.length}`);
  return rate;
}

/** Part of the decay that is done, from 0 to 1. With `cycle`, the decay is stretched to its next multiple each time it ends. */
function polynomialProgress(schedule: Extract<Schedule, { schedule: 'polynomialDecay' }>, step: number): number {
  const length = lengthOf(schedule);
  return schedule.cycle ? step / (length * Math.max(1, Math.ceil(step / length))) : Math.min(1, step / length);
}

function lengthOf({ schedule, decaySteps }: Extract<Schedule, { schedule: 'cosineDecay' | 'polynomialDecay' }>): number {
  if (decaySteps === undefined) throw new RangeError(`${schedule}: decaySteps is not fixed yet`);
  return decaySteps;
}
