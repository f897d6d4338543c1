import { type Message, protocolVersion } from '../shared/protocol.js';
import type { Incarnation } from '../shared/transport.js';
import type { Member, Ready, Roster } from './roster.js';
import { bitsDifference, dataDifference } from './sameBits.js';

export interface ReceptionOptions {
  /** Version of this program; workers must have the same. */
  readonly version: string;
  /** What workers get to know of the run, as `plainConfig` writes it; with the engine that it uses, once that is known. */
  readonly config: (ready: readonly Member[]) => Readonly<Record<string, unknown>>;
  /** The data's fingerprint: a worker that sees other data is refused. */
  readonly fingerprint: string;
  /** Seconds that a worker may take to get ready. */
  readonly prepareTimeout: number;
  /** Let workers in whose bits are not those of the others. */
  readonly mixedNumerics: boolean;
  /** Hash of the run's bits, where it is known: of a run that is resumed. */
  readonly probe: string | undefined;
}

/** What the reception can do with a worker. */
export interface ReceptionPorts {
  readonly send: (to: Incarnation, message: Message<'configure'>) => void;
  /** Sends it away for good. */
  readonly ban: (peer: Incarnation, reason: string) => void;
  readonly notice: (line: string) => void;
}

/** Lets workers in: from their hello to the point where they can compute as the others do. */
export class Reception {
  readonly #options: ReceptionOptions;
  readonly #roster: Roster;
  readonly #ports: ReceptionPorts;
  /** Values of one part of a tensor. */
  readonly #partSize: number;
  readonly #preparing = new Map<Incarnation, NodeJS.Timeout>();

  constructor(options: ReceptionOptions, roster: Roster, partSize: number, ports: ReceptionPorts) {
    this.#options = options;
    this.#roster = roster;
    this.#partSize = partSize;
    this.#ports = ports;
  }

  /** Admits a worker of the same version, and tells it what to get ready for. */
  hello(from: Incarnation, hello: Message<'hello'>): void {
    const { version, config, fingerprint, prepareTimeout } = this.#options;
    if (hello.protocol !== protocolVersion || hello.version !== version) {
      const needed = `this run needs ${version} (protocol ${protocolVersion})`;
      this.#ports.ban(from, `host ${hello.host} runs bpnn-dist ${hello.version} (protocol ${hello.protocol}), ${needed}`);
      return;
    }
    const { name } = this.#roster.admit(from, hello);
    const tooSlow = (): void => this.#ports.ban(from, `${name} did not get ready within ${prepareTimeout} s`);
    this.#preparing.set(from, setTimeout(tooSlow, prepareTimeout * 1_000));
    this.#ports.send(from, { type: 'configure', config: config(this.#roster.veterans), fingerprint, partSize: this.#partSize });
  }

  /** Says whether the worker can compute from now on; else it has been sent away. */
  ready(member: Member, ready: Ready): boolean {
    this.forget(member.incarnation);
    const { fingerprint, probe, mixedNumerics } = this.#options;
    const otherBits = bitsDifference(member, ready, this.#roster.veterans[0], probe);
    const isRefused = otherBits !== undefined && !mixedNumerics;
    const difference = dataDifference(ready, fingerprint) ?? (isRefused ? `${otherBits.says}${otherBits.advice}` : undefined);
    if (difference !== undefined) {
      this.#ports.ban(member.incarnation, difference);
      return false;
    }
    if (otherBits) this.#ports.notice(`${member.name} ${otherBits.says}: from here on the weights depend on who computes what`);
    this.#roster.markReady(member, ready);
    return true;
  }

  /** The worker is gone, or ready. */
  forget(peer: Incarnation): void {
    clearTimeout(this.#preparing.get(peer));
    this.#preparing.delete(peer);
  }

  close(): void {
    for (const timer of this.#preparing.values()) clearTimeout(timer);
  }
}
