import { viewOf } from '../../shared/model/layout.js';
import type { Slices } from '../../shared/model/slices.js';
import type { Halves } from '../../shared/numbers/half/half.js';
import type { Incarnation } from '../../shared/transport/transport.js';
import type { Version } from '../stepPort.js';

/** Weights on their way. */
interface Outgoing extends Version {
  readonly isRounded: boolean;
  /** Of each slice, whether its values are there. */
  readonly isReady: boolean[];
}

/** Slices of weights for the wire. */
export interface Parcel {
  readonly version: number;
  readonly slices: readonly number[];
  readonly tensors: readonly (Float32Array | Uint16Array)[];
}

export interface Rounding {
  readonly halves: Halves;
  /** Where rounded weights are put: two arrays that take turns, since workers may still be reading the last ones. */
  readonly arrays: readonly Float32Array[];
}

/**
 * The weights on their way to those who get them as messages: what each has been sent of which version, so that no slice
 * goes to it twice, and slices of the next weights can go out while others are still being worked out.
 */
export class WeightsOut {
  readonly #slices: Slices;
  readonly #rounding: Rounding | undefined;
  /** By worker: the version that it was sent last, and which of its slices. */
  readonly #sent = new Map<Incarnation, { readonly version: number; readonly slices: Set<number> }>();
  #current: Outgoing | undefined;
  /** The version after the current one, of which a slice has been announced. */
  #next: Outgoing | undefined;
  #number = 0;
  /** Rounded slices of the newest version in 16 bits, packed once for all workers. */
  #packed = new Map<number, Uint16Array>();
  #packedOf = -1;

  constructor(slices: Slices, rounding?: Rounding) {
    this.#slices = slices;
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
    for (const slice of this.#slices.keys()) this.#make(this.#current, slice);
    return this.#current;
  }

  /** A slice of the weights after the current ones is there. */
  announce(weights: Float32Array, slice: number): Version {
    if (this.#next?.source !== weights) this.#next = this.#newVersion(weights, this.#rounding !== undefined);
    this.#make(this.#next, slice);
    return this.#next;
  }

  /** One slice for a worker; it counts as sent. */
  slice(worker: Incarnation, version: Version, slice: number): Parcel {
    this.#sentOf(worker, version).add(slice);
    return this.#parcel(version, [slice]);
  }

  /** All that a worker has not been sent of a version; it counts as sent. */
  rest(worker: Incarnation, version: Version): Parcel {
    const sent = this.#sentOf(worker, version);
    const missing = [...this.#slices.keys()].filter((slice) => !sent.has(slice));
    for (const slice of missing) sent.add(slice);
    return this.#parcel(version, missing);
  }

  left(worker: Incarnation): void {
    this.#sent.delete(worker);
  }

  #newVersion(source: Float32Array, isRounded: boolean): Outgoing {
    const values = isRounded ? this.#rounding?.arrays.find((array) => array !== this.#current?.values) : source;
    if (!values) throw new RangeError('there is no array for the rounded weights');
    return { number: this.#number++, source, values, isRounded, isReady: this.#slices.map(() => false) };
  }

  #make(version: Outgoing, slice: number): void {
    const place = this.#slices[slice];
    if (!place) throw new RangeError(`there is no slice ${slice} of the weights`);
    if (version.isReady[slice]) return;
    version.isReady[slice] = true;
    if (version.isRounded) this.#rounding?.halves.round(viewOf(version.source, place), viewOf(version.values, place), 1);
  }

  #sentOf(worker: Incarnation, { number }: Version): Set<number> {
    const sent = this.#sent.get(worker);
    if (sent?.version === number) return sent.slices;
    // What it had of another version it puts away.
    const slices = new Set<number>();
    this.#sent.set(worker, { version: number, slices });
    return slices;
  }

  #parcel(version: Version, slices: readonly number[]): Parcel {
    return { version: version.number, slices, tensors: slices.map((slice) => this.#tensor(version, slice)) };
  }

  #tensor(version: Version, slice: number): Float32Array | Uint16Array {
    const place = this.#slices[slice];
    const values = place && viewOf(version.values, place);
    if (!values) throw new RangeError(`there is no slice ${slice} of the weights`);
    if (version.values === version.source || !this.#rounding) return values;
    if (this.#packedOf !== version.number) this.#packed.clear();
    this.#packedOf = version.number;
    const packed = this.#packed.get(slice) ?? this.#rounding.halves.pack(values);
    this.#packed.set(slice, packed);
    return packed;
  }
}
