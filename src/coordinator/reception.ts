import { answers, type EngineFigure, type EngineOn, fastestOf, nameOf } from '../shared/engineChoice.js';
import { ProtocolError } from '../shared/errors.js';
import { type Message, protocolVersion } from '../shared/protocol.js';
import type { Incarnation } from '../shared/transport.js';
import { EngineChoice, type EngineChoiceOptions } from './engineChoice.js';
import type { Member, Ready, Roster } from './roster.js';
import { bitsDifference, dataDifference } from './sameBits.js';

export interface ReceptionOptions {
  /** Version of this program; workers must have the same. */
  readonly version: string;
  /** What workers get to know of a run that computes with this, as `plainConfig` writes it. */
  readonly config: (choice: EngineOn) => Readonly<Record<string, unknown>>;
  readonly engine: Omit<EngineChoiceOptions, 'isEach'>;
  /** Measure engines whatever is known of them from before. */
  readonly measuresAnew: boolean;
  /** Shards that each of the run's workers computes in a step. */
  readonly shardsEach: number;
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
  readonly send: (to: Incarnation, message: Message<'configure' | 'measure'>) => void;
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
  readonly #choice: EngineChoice;
  #isClosed = false;
  readonly #preparing = new Map<Incarnation, NodeJS.Timeout>();

  constructor(options: ReceptionOptions, roster: Roster, partSize: number, ports: ReceptionPorts) {
    this.#options = options;
    this.#roster = roster;
    this.#partSize = partSize;
    this.#ports = ports;
    this.#choice = new EngineChoice({ ...options.engine, isEach: options.mixedNumerics });
  }

  /** Admits a worker of the same version, and tells it what to get ready for. */
  hello(from: Incarnation, hello: Message<'hello'>): void {
    if (this.#isClosed) return;
    const { version } = this.#options;
    if (hello.protocol !== protocolVersion || hello.version !== version) {
      const needed = `this run needs ${version} (protocol ${protocolVersion})`;
      this.#ports.ban(from, `host ${hello.host} runs bpnn-dist ${hello.version} (protocol ${hello.protocol}), ${needed}`);
      return;
    }
    const member = this.#roster.admit(from, hello);
    const choice = this.#choice.join(from);
    if (choice === 'measure') this.#measure(member);
    else if (choice !== 'wait') this.#configure(member, choice);
  }

  /** @throws ProtocolError where nothing was asked for, or nothing works */
  measured(member: Member, { figures, isOld, note }: Message<'measured'>): void {
    if (this.#isClosed) return;
    const fastest = fastestOf(figures);
    const { wanted } = this.#options.engine;
    const isAsked = this.#choice.isMeasuring(member.incarnation) && figures.every((figure) => answers(figure, wanted));
    if (!isAsked || !fastest) throw new ProtocolError('measured what it was not asked for');
    const chosen = { engine: fastest.engine, device: fastest.device };
    this.#say(member, figures, nameOf(chosen), isOld, note);
    const { told, next } = this.#choice.settle(member.incarnation, chosen);
    for (const worker of told) this.#with(worker, (other) => this.#configure(other, chosen));
    this.#with(next, (other) => this.#measure(other));
  }

  /**
   * Says whether the worker can compute from now on; else it has been sent away.
   * @throws ProtocolError where it was not told yet what to get ready for
   */
  ready(member: Member, ready: Ready): boolean {
    if (!member.choice) throw new ProtocolError('said ready before it was configured');
    if (this.#isClosed) return false;
    this.#stopTimer(member.incarnation);
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

  /** The worker is gone. */
  forget(peer: Incarnation): void {
    this.#stopTimer(peer);
    this.#with(this.#choice.leave(peer), (next) => this.#measure(next));
  }

  /** Nobody is let in any more. */
  close(): void {
    this.#isClosed = true;
    for (const timer of this.#preparing.values()) clearTimeout(timer);
  }

  #measure(member: Member): void {
    const { config, engine, measuresAnew: isAnew } = this.#options;
    this.#startTimer(member, 'measure its engines');
    this.#ports.send(member.incarnation, { type: 'measure', config: config(engine.wanted), isAnew });
  }

  #configure(member: Member, choice: EngineOn): void {
    const { config, fingerprint } = this.#options;
    member.choice = choice;
    this.#startTimer(member, 'get ready');
    this.#ports.send(member.incarnation, { type: 'configure', config: config(choice), fingerprint, partSize: this.#partSize });
  }

  /** One line with the figures, as `blas/cpu 0.2 ms, onnx/cpu 0.3 ms a step: blas/cpu`. */
  #say(member: Member, figures: readonly EngineFigure[], chosen: string, isOld: boolean, note: string | undefined): void {
    const { shardsEach, mixedNumerics } = this.#options;
    const timed = figures.flatMap((figure) =>
      figure.ms === null ? [] : [`${nameOf(figure)} ${(figure.ms * shardsEach).toPrecision(2)} ms`],
    );
    const who = mixedNumerics ? `${member.name}: ` : '';
    const when = isOld ? ' (measured before; --measure does it again)' : '';
    if (timed.length > 0) this.#ports.notice(`${who}${timed.join(', ')} a step: ${chosen}${when}`);
    for (const figure of figures) {
      if (figure.reason !== undefined)
        this.#ports.notice(`${who}${nameOf(figure)} ${isOld ? 'did not work when it was measured' : 'does not work'}: ${figure.reason}`);
    }
    if (note !== undefined) this.#ports.notice(`${who}${note}`);
  }

  #with(worker: Incarnation | undefined, work: (member: Member) => void): void {
    const member = worker === undefined ? undefined : this.#roster.get(worker);
    if (member) work(member);
  }

  #startTimer({ incarnation }: Member, what: string): void {
    const { prepareTimeout } = this.#options;
    this.#stopTimer(incarnation);
    const tooSlow = (): void => this.#ports.ban(incarnation, `did not ${what} within ${prepareTimeout} s`);
    this.#preparing.set(incarnation, setTimeout(tooSlow, prepareTimeout * 1_000));
  }

  #stopTimer(peer: Incarnation): void {
    clearTimeout(this.#preparing.get(peer));
    this.#preparing.delete(peer);
  }
}
