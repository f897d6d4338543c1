import type { RunChange, RunSnapshot, StepSeries } from '../dashboard/api.js';
import { joined, placesOf, stepsBetween, strideFor, type XAxis } from './curves.js';

/** Steps, and where they stand along a chart. */
export interface Placed {
  readonly series: StepSeries;
  readonly places: readonly number[];
}

/** A run as the page knows it. */
export class RunView {
  readonly id: string;
  readonly colour: string;
  /** Are its curves drawn? */
  isShown: boolean;
  snapshot: RunSnapshot | undefined;
  /** All steps, coarse enough for a chart. */
  #whole: StepSeries | undefined;
  /** The steps that are zoomed in on. */
  #part: StepSeries | undefined;
  #known: RunChange | undefined;
  #newest: RunChange | undefined;
  #updating: Promise<boolean> | undefined;
  #zooms = 0;

  constructor(id: string, colour: string, isShown: boolean) {
    this.id = id;
    this.colour = colour;
    this.isShown = isShown;
  }

  /** What is drawn: all steps, or finer those that are zoomed in on; with their places, where these are known. */
  drawn(axis: XAxis): Placed | undefined {
    return this.#placed(this.#part ?? this.#whole, axis);
  }

  whole(axis: XAxis): Placed | undefined {
    return this.#placed(this.#whole, axis);
  }

  #placed(series: StepSeries | undefined, axis: XAxis): Placed | undefined {
    const places = series && this.snapshot && placesOf(series, axis, this.snapshot);
    return series && places && { series, places };
  }

  /** The server says what there is now. */
  tell(change: RunChange): void {
    this.#newest = change;
    if (this.snapshot) this.snapshot = { ...this.snapshot, status: change.status, isSilent: change.isSilent };
  }

  /** Fetches what is new. Says whether there was anything. */
  async update(): Promise<boolean> {
    // What was told meanwhile may be more than what is being fetched.
    await this.#updating;
    this.#updating ??= this.#fetch().finally(() => {
      this.#updating = undefined;
    });
    return this.#updating;
  }

  async #fetch(): Promise<boolean> {
    const [known, newest] = [this.#known, this.#newest];
    if (!newest || (known && JSON.stringify(known) === JSON.stringify(newest))) return false;
    const isAnother = known?.generation !== newest.generation;
    const hasMore = isAnother || known.epochs !== newest.epochs || known.events !== newest.events || known.hasSummary !== newest.hasSummary;
    // Speeds come without an event of their own.
    if (hasMore || known.steps !== newest.steps) this.snapshot = await get<RunSnapshot>(`runs/${encodeURIComponent(this.id)}`);
    if (isAnother) [this.#whole, this.#part] = [undefined, undefined];
    if (this.isShown && (isAnother || known.steps !== newest.steps)) await this.#fetchSteps(newest.steps);
    this.#known = newest;
    return true;
  }

  async #fetchSteps(steps: number): Promise<void> {
    const stride = strideFor(steps);
    const old = this.#whole;
    if (!old || old.stride !== stride) {
      this.#whole = await this.#steps(0, steps, stride);
      return;
    }
    // Its last point may have become fuller.
    const from = Math.floor(Math.max(0, old.to - 1) / stride) * stride;
    this.#whole = joined(old, await this.#steps(from, steps, stride));
  }

  /** Its curves are wanted from now on. */
  async show(): Promise<void> {
    this.isShown = true;
    if (this.#newest) await this.#fetchSteps(this.#newest.steps);
  }

  /** Fetches the steps between two places as finely as they can be drawn; undefined zooms out again. The last call counts. */
  async zoom(range: readonly [number, number] | undefined, axis: XAxis): Promise<void> {
    const call = ++this.#zooms;
    const whole = this.whole(axis);
    let part: StepSeries | undefined;
    if (range && whole && this.isShown) {
      const [from, to] = stepsBetween(whole.series, whole.places, range);
      const stride = strideFor(to - from);
      if (stride < whole.series.stride) part = await this.#steps(Math.max(0, from - stride), to + stride, stride);
    }
    if (call === this.#zooms) this.#part = part;
  }

  #steps(from: number, to: number, stride: number): Promise<StepSeries> {
    return get(`runs/${encodeURIComponent(this.id)}/steps?from=${from}&to=${to}&stride=${stride}`);
  }
}

/** @throws Error with what the server says */
export async function get<T>(path: string): Promise<T> {
  const response = await fetch(`api/${path}`);
  const body = await response.json();
  if (!response.ok) throw new Error(body.message ?? response.statusText);
  return body;
}
