import type { Member } from '../coordinator/members/roster.js';
import { isRunning } from '../shared/system/processIdentity.js';

/** Who has which channel of the memory that an aggregator shares. */
export class Channels {
  readonly #count: number;
  /** The process that has each channel, or had it last. */
  readonly #owners = new Map<number, Member>();

  constructor(count: number) {
    this.#count = count;
  }

  /** A channel that nobody can be writing to any more: one who was cut off may not know it yet. Undefined where there is none. */
  for(member: Member): number | undefined {
    const { pid } = member.hello;
    const [own] = [...this.#owners].find(([, owner]) => owner.hello.pid === pid) ?? [];
    const channel = own ?? this.#free();
    if (channel !== undefined) this.#owners.set(channel, member);
    return channel;
  }

  #free(): number | undefined {
    for (let channel = 0; channel < this.#count; channel++) {
      const owner = this.#owners.get(channel)?.hello.pid;
      if (owner === undefined || !isRunning(owner)) return channel;
    }
    return undefined;
  }
}
