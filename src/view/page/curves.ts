import type { Column, RunSnapshot, StepSeries, Value } from '../dashboard/api.js';
import { secondsOf } from './stepClock.js';

/** What stands along the charts. */
export type XAxis = 'step' | 'samples' | 'seconds';

/** Values over places, both in rising order of places. */
export interface Curve {
  readonly x: readonly number[];
  readonly y: readonly Value[];
}

/** Points of a chart at most, about. */
const wantedPoints = 1_200;

/** The power of two of steps that a point takes, for so many steps. */
export function strideFor(steps: number): number {
  return 2 ** Math.max(0, Math.ceil(Math.log2(steps / wantedPoints)));
}

/** Puts newer points in the place of those from where they begin. Both have the same stride. */
export function joined(old: StepSeries, newer: StepSeries): StepSeries {
  const keep = old.step.findIndex((_, i) => old.from + i * old.stride >= newer.from);
  const kept = <T>(values: readonly T[], more: readonly T[]): T[] => [...(keep < 0 ? values : values.slice(0, keep)), ...more];
  const columns = Object.keys(newer.columns).map((name): [string, Column] => {
    const [a, b] = [old.columns[name], newer.columns[name]];
    const part = (of: 'mean' | 'min' | 'max'): Value[] => kept(a?.[of] ?? [], b?.[of] ?? []);
    return [name, newer.stride === 1 ? { mean: part('mean') } : { mean: part('mean'), min: part('min'), max: part('max') }];
  });
  return {
    ...{ from: old.from, to: newer.to, stride: newer.stride },
    step: kept(old.step, newer.step),
    samples: kept(old.samples, newer.samples),
    columns: Object.fromEntries(columns),
  };
}

/** Where the points of a run's series stand; undefined where that is not known. */
export function placesOf(series: StepSeries, axis: XAxis, run: Pick<RunSnapshot, 'events' | 'pace'>): readonly number[] | undefined {
  if (axis !== 'seconds') return series[axis];
  const seconds = secondsOf(run);
  return seconds && series.step.map((step) => seconds(step + 1));
}

/**
 * An exponential mean, as TensorBoard smooths: `weight` is what a step leaves to those before it. What is not known is passed
 * over.
 */
export function smoothed(values: readonly Value[], weight: number, stride: number): Value[] {
  const kept = weight ** stride;
  let [sum, bias] = [0, 1];
  return values.map((value) => {
    if (value === null) return null;
    sum = sum * kept + value * (1 - kept);
    bias *= kept;
    // Without this, the first values would be drawn to 0.
    return sum / (1 - bias);
  });
}

/** Where a step stands, in a straight line between the points of a series. */
export function placeOfStep(series: StepSeries, places: readonly number[], step: number): number {
  const next = series.step.findIndex((known) => known >= step);
  if (next < 0) return places.at(-1) ?? Number.NaN;
  const [a, b] = [series.step[next - 1] ?? 0, series.step[next] ?? 0];
  const [from, to] = [next === 0 ? (places[0] ?? 0) : (places[next - 1] ?? 0), places[next] ?? 0];
  return b === a ? to : from + ((to - from) * (step - a)) / (b - a);
}

/** The steps [from, to) that stand between two places. */
export function stepsBetween(series: StepSeries, places: readonly number[], [low, high]: readonly [number, number]): [number, number] {
  const first = places.findIndex((place) => place >= low);
  const behind = places.findIndex((place) => place > high);
  const from = first <= 0 ? 0 : (series.step[first - 1] ?? 0);
  return [from, behind < 0 ? series.to : (series.step[behind] ?? 0) + 1];
}

/** A figure of whole epochs, at the place of their last step. */
export function epochCurve({ epochs }: RunSnapshot, name: string, series: StepSeries, places: readonly number[]): Curve {
  const known = epochs.filter((line) => line[name] !== undefined);
  return {
    x: known.map((line) => placeOfStep(series, places, (line['steps'] ?? 1) - 1)),
    y: known.map((line) => line[name] ?? null),
  };
}

/** Samples a second over time. */
export function speedCurve({ pace }: RunSnapshot, series: StepSeries, places: readonly number[]): Curve {
  return {
    x: pace.map(({ step }) => placeOfStep(series, places, step - 1)),
    y: pace.map(({ samplesPerSecond }) => samplesPerSecond),
  };
}

/** A part of a range that is nearer or wider, or beside it, and never outside of all there is. */
export function zoomed(range: readonly [number, number], all: readonly [number, number], factor: number, shift: number): [number, number] {
  const [low, high] = range;
  const width = Math.min(all[1] - all[0], (high - low) * factor);
  const middle = (low + high) / 2 + shift * (high - low);
  const from = Math.max(all[0], Math.min(all[1] - width, middle - width / 2));
  return [from, from + width];
}

/** The name of a figure as people write it: `valLoss` to `validation loss`. */
export function titleOf(name: string): string {
  const words = name.replace(/^val(?=[A-Z])/, 'validation').replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** What a figure is called once it is measured on the validation samples. */
export function validationName(name: string): string {
  return `val${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}
