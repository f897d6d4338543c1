import { viewOf } from '../../shared/model/layout.js';
import type { Partition } from '../../shared/model/slices.js';
import type { Halves } from '../../shared/numbers/half/half.js';
import type { Incarnation } from '../../shared/transport/transport.js';

/** Weights as workers are to have them. */
export interface Version {
  /** What workers know them by. */
  readonly number: number;
  /** What they were made of. */
  readonly source: Float32Array;
  /** The source itself, or what rounding has made of it. */
  readonly values: Float32Array;
  readonly isRounded: boolean;
  /** Of each part, whether its values are there. */
  readonly isReady: boolean[];
}

/** Parts of weights for the wire. */
export interface Parcel {
  readonly version: number;
  readonly parts: readonly number[];
  readonly tensors: readonly (Float32Array | Uint16Array)[];
}

export interface Rounding {
  readonly halves: Halves;
  /** Where rounded weights are put: two arrays that take turns, since workers may still be reading the last ones. */
  readonly arrays: readonly Float32Array[];
}

/**
 * The weights on their way to those who get them as messages: what each has been sent of which version, so that no part
 * goes to it twice, and parts of the next weights can go out while others are still being worked out.
 */
export class Broadcast {
  readonly #partition: Partition;
  readonly #rounding: Rounding | undefined;
  /** By worker: the version that it was sent last, and which of its parts. */
  readonly #sent = new Map<Incarnation, { readonly version: number; readonly parts: Set<number> }>();
  #current: Version | undefined;
  /** The version after the current one, of which a part has been announced. */
  #next: Version | undefined;
  #number = 0;
  /** Rounded parts of the newest version in 16 bits, packed once for all workers. */
  #packed = new Map<number, Uint16Array>();
  #packedOf = -1;

  constructor(partition: Partition, rounding?: Rounding) {
    this.#partition = partition;
    this.#rounding = rounding;
  }

  /**
   * The version of these weights, all of it ready. Weights that were being announced instead are dropped.
   * @param isRounded rounded to 16 bits, where the run does that
   */
  use(weights: Float32Array, isRounded: boolean): Version {
    const rounded = isRounded && this.#rounding !== undefined;
    const known = [this.#next, this.#current].find((version) => version?.source === weights && version.isRounded === rounded);
    this.#next = undefined;
    this.#current = known ?? this.#newVersion(weights, rounded);
    for (const part of this.#partition.keys()) this.#make(this.#current, part);
    return this.#current;
  }

  /** A part of the weights after the current ones is there. */
  announce(weights: Float32Array, part: number): Version {
    if (this.#next?.source !== weights) this.#next = this.#newVersion(weights, this.#rounding !== undefined);
    this.#make(this.#next, part);
    return this.#next;
  }

  /** One part for a worker; it counts as sent. */
  part(worker: Incarnation, version: Version, part: number): Parcel {
    this.#sentOf(worker, version).add(part);
    return this.#parcel(version, [part]);
  }

  /** All that a worker has not been sent of a version; it counts as sent. */
  rest(worker: Incarnation, version: Version): Parcel {
    const sent = this.#sentOf(worker, version);
    const missing = [...this.#partition.keys()].filter((part) => !sent.has(part));
    for (const part of missing) sent.add(part);
    return this.#parcel(version, missing);
  }

  forget(worker: Incarnation): void {
    this.#sent.delete(worker);
  }

  #newVersion(source: Float32Array, isRounded: boolean): Version {
    const values = isRounded ? this.#rounding?.arrays.find((array) => array !== this.#current?.values) : source;
    if (!values) throw new RangeError('there is no array for the rounded weights');
    return { number: this.#number++, source, values, isRounded, isReady: this.#partition.map(() => false) };
  }

  #make(version: Version, part: number): void {
    const place = this.#partition[part];
    if (!place) throw new RangeError(`there is no part ${part} of the weights`);
    if (version.isReady[part]) return;
    version.isReady[part] = true;
    if (version.isRounded) this.#rounding?.halves.round(viewOf(version.source, place), viewOf(version.values, place), 1);
  }

  #sentOf(worker: Incarnation, { number }: Version): Set<number> {
    const sent = this.#sent.get(worker);
    if (sent?.version === number) return sent.parts;
    // What it had of another version it puts away.
    const parts = new Set<number>();
    this.#sent.set(worker, { version: number, parts });
    return parts;
  }

  #parcel(version: Version, parts: readonly number[]): Parcel {
    return { version: version.number, parts, tensors: parts.map((part) => this.#tensor(version, part)) };
  }

  #tensor(version: Version, part: number): Float32Array | Uint16Array {
    const place = this.#partition[part];
    const values = place && viewOf(version.values, place);
    if (!values) throw new RangeError(`there is no part ${part} of the weights`);
    if (!version.isRounded || !this.#rounding) return values;
    if (this.#packedOf !== version.number) this.#packed.clear();
    this.#packedOf = version.number;
    const packed = this.#packed.get(part) ?? this.#rounding.halves.pack(values);
    this.#packed.set(part, packed);
    return packed;
  }
}
