import { viewOf } from '../../shared/model/layout.js';
import type { Slices } from '../../shared/model/slices.js';
import { ProtocolError } from '../../shared/text/errors.js';

/** The weights as they come in messages: puts their slices together. */
export class WeightsIn {
  readonly #slices: Slices;
  #version = -1;
  readonly #missing = new Set<number>();
  /** Where slices are put together: arrays that take turns. */
  readonly #rooms: Float32Array[];
  #weights: Float32Array | undefined;

  /** @param rooms default: one, from the first time there is more than one slice */
  constructor(slices: Slices, rooms: readonly Float32Array[] = []) {
    this.#slices = slices;
    this.#rooms = [...rooms];
  }

  /** Where the version is put together that came last. */
  get latest(): Float32Array | undefined {
    return this.#weights;
  }

  /** Takes slices of a version. Those of another are put away. */
  take(version: number, slices: readonly number[], tensors: readonly Float32Array[]): void {
    if (version !== this.#version) {
      this.#version = version;
      const [last] = this.#rooms.splice(0, 1);
      if (last) this.#rooms.push(last);
      for (const slice of this.#slices.keys()) this.#missing.add(slice);
    }
    for (const [i, slice] of slices.entries()) {
      const [place, values] = [this.#slices[slice], tensors[i]];
      if (!place || !values) throw new ProtocolError(`the weights have no slice ${slice}`);
      if (this.#slices.length === 1 && this.#rooms.length === 0) this.#weights = values;
      else viewOf(this.#room(), place).set(values);
      this.#missing.delete(slice);
    }
  }

  /**
   * The weights of a version, until slices of another come.
   * @throws ProtocolError where not all of it has come
   */
  whole(version: number): Float32Array {
    const isThere = version === this.#version && this.#missing.size === 0;
    if (!isThere || !this.#weights) throw new ProtocolError(`the weights of version ${version} have not come, or not all of them`);
    return this.#weights;
  }

  #room(): Float32Array {
    if (this.#rooms.length === 0) this.#rooms.push(new Float32Array(this.#slices.reduce((sum, { size }) => sum + size, 0)));
    this.#weights = this.#rooms[0];
    return this.#rooms[0] ?? new Float32Array(0);
  }
}
