import type { RunSnapshot } from '../dashboard/api.js';

/** When so many steps were done: milliseconds since 1970. */
export interface Mark {
  readonly step: number;
  readonly time: number;
}

/**
 * The time of every step, in milliseconds: in a straight line between marks, and beyond the last as between the two before
 * it. Steps of marks rise. Undefined where there are too few.
 */
export function stepClock(marks: readonly Mark[]): ((step: number) => number) | undefined {
  if (marks.length < 2) return undefined;
  return (step) => {
    const next = Math.min(Math.max(1, firstAt(marks, step)), marks.length - 1);
    const [a, b] = [marks[next - 1], marks[next]];
    if (!a || !b) return Number.NaN;
    return a.time + ((b.time - a.time) * (step - a.step)) / Math.max(1, b.step - a.step);
  };
}

/** Seconds from a run's first event to when so many steps were done, by the clock; undefined where times are not known. */
export function secondsOf({ events, pace }: Pick<RunSnapshot, 'events' | 'pace'>): ((steps: number) => number) | undefined {
  const [first] = pace;
  if (!first) return undefined;
  const start = Math.min(first.time, ...events.flatMap(({ time }) => time ?? []));
  const readyAt = events.findLast(({ kind, time }) => kind === 'ready' && time !== null && time <= first.time)?.time;
  const clock = stepClock([{ step: 0, time: readyAt ?? start }, ...pace]);
  return clock && ((steps) => (clock(steps) - start) / 1_000);
}

/** Index of the first mark at a step or behind it. */
function firstAt(marks: readonly Mark[], step: number): number {
  let [low, high] = [0, marks.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((marks[middle]?.step ?? 0) < step) low = middle + 1;
    else high = middle;
  }
  return low;
}
