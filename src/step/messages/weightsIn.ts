import { viewOf } from '../../shared/model/layout.js';
import type { Partition } from '../../shared/model/slices.js';
import { ProtocolError } from '../../shared/text/errors.js';

/** The weights as they come in messages: puts their parts together. */
export class WeightsIn {
  readonly #partition: Partition;
  #version = -1;
  readonly #missing = new Set<number>();
  /** Where parts are put together: arrays that take turns. */
  readonly #rooms: Float32Array[];
  #weights: Float32Array | undefined;

  /** @param rooms default: one, from the first time there is more than one part */
  constructor(partition: Partition, rooms: readonly Float32Array[] = []) {
    this.#partition = partition;
    this.#rooms = [...rooms];
  }

  /** Where the version is put together that came last. */
  get latest(): Float32Array | undefined {
    return this.#weights;
  }

  /** Takes parts of a version. Those of another are put away. */
  take(version: number, parts: readonly number[], tensors: readonly Float32Array[]): void {
    if (version !== this.#version) {
      this.#version = version;
      const [last] = this.#rooms.splice(0, 1);
      if (last) this.#rooms.push(last);
      for (const part of this.#partition.keys()) this.#missing.add(part);
    }
    for (const [i, part] of parts.entries()) {
      const [place, values] = [this.#partition[part], tensors[i]];
      if (!place || !values) throw new ProtocolError(`the weights have no part ${part}`);
      if (this.#partition.length === 1 && this.#rooms.length === 0) this.#weights = values;
      else viewOf(this.#room(), place).set(values);
      this.#missing.delete(part);
    }
  }

  /**
   * The weights of a version, until parts of another come.
   * @throws ProtocolError where not all of it has come
   */
  whole(version: number): Float32Array {
    const isThere = version === this.#version && this.#missing.size === 0;
    if (!isThere || !this.#weights) throw new ProtocolError(`the weights of version ${version} have not come, or not all of them`);
    return this.#weights;
  }

  #room(): Float32Array {
    if (this.#rooms.length === 0) this.#rooms.push(new Float32Array(this.#partition.reduce((sum, { size }) => sum + size, 0)));
    this.#weights = this.#rooms[0];
    return this.#rooms[0] ?? new Float32Array(0);
  }
}
