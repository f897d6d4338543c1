import { answers, type EngineFigure, type EngineOn, fastestOf, nameOf } from '../../shared/engine/engineFigures.js';
import type { DataLayout } from '../../shared/protocol/dataLayout.js';
import type { Message } from '../../shared/protocol/protocol.js';
import { AwakeTimer } from '../../shared/system/awakeTimer.js';
import { ProtocolError } from '../../shared/text/errors.js';
import type { Incarnation } from '../../shared/transport/transport.js';
import { EngineChoice, type EngineChoiceOptions } from './benchmarkTurns.js';
import { Branches } from './branches.js';
import type { Desk, DeskPorts, FromBelow } from './desk.js';
import type { BranchesOptions } from './placing.js';
import { type Hello, isAggregator, type Member, type Ready, type Roster } from './roster.js';
import { bitsDifference, dataDifference, versionDifference } from './sameBits.js';

export interface ReceptionOptions {
  /** Version of this program; workers must have the same. */
  readonly version: string;
  /** What workers get to know of a run that computes with this, as `plainConfig` writes it. */
  readonly config: (choice: EngineOn) => Readonly<Record<string, unknown>>;
  readonly engine: Omit<EngineChoiceOptions, 'isEach'>;
  /** Measure engines whatever is known of them from before. */
  readonly measuresAnew: boolean;
  /** How workers are arranged. */
  readonly tree: BranchesOptions;
  /** Shards that each of the run's workers computes in a step. */
  readonly shardsEach: number;
  /** The data's fingerprint: a worker that sees other data is refused. */
  readonly fingerprint: string;
  /** What the data are like. */
  readonly layout: DataLayout;
  /** Seconds that a worker may take to get ready. */
  readonly prepareTimeout: number;
  /** Let workers in whose bits are not those of the others. */
  readonly mixedNumerics: boolean;
  /** Hash of the run's bits, where it is known: of a run that is resumed. */
  readonly probe: string | undefined;
  /** Values of one part of a tensor. */
  readonly sliceSize: number;
}

/** Lets workers in: from their hello to the point where they can compute as the others do. */
export class Reception implements Desk {
  readonly #options: ReceptionOptions;
  readonly #roster: Roster;
  readonly #ports: DeskPorts;
  readonly #choice: EngineChoice;
  readonly #branches: Branches;
  #isClosed = false;
  readonly #preparing = new Map<Incarnation, AwakeTimer>();

  constructor(options: ReceptionOptions, roster: Roster, ports: DeskPorts) {
    this.#options = options;
    this.#roster = roster;
    this.#ports = ports;
    this.#branches = new Branches(options.tree, roster, ports);
    this.#choice = new EngineChoice({ ...options.engine, isEach: options.mixedNumerics });
  }

  /** Admits a worker of the same version, and tells it what to get ready for. */
  hello(from: Incarnation, hello: Message<'hello'>): void {
    if (this.#isClosed) return;
    const { version } = this.#options;
    const otherVersion = versionDifference(hello, version);
    if (otherVersion !== undefined) {
      this.#ports.ban(from, otherVersion);
      return;
    }
    const member = this.#roster.admit(from, hello);
    if (isAggregator(member)) {
      this.#branches.place(member, () => {
        const known = this.#choice.listen(from);
        if (known) this.#configure(member, known);
      });
      return;
    }
    const choice = this.#choice.join(from);
    if (choice === 'measure') this.#measure(member);
    else if (choice !== 'wait') this.#settle(member, choice);
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
    for (const worker of told) this.#with(worker, (other) => this.#settle(other, chosen));
    this.#with(next, (other) => this.#measure(other));
  }

  /** @throws ProtocolError where it was not told yet what to get ready for */
  ready(member: Member, ready: Ready): void {
    if (!member.choice || isAggregator(member)) throw new ProtocolError('said ready before it was configured');
    if (this.#isClosed) return;
    this.#stopTimer(member.incarnation);
    const difference = this.#difference(member, ready);
    if (difference === undefined) this.#ports.enlist(member, ready);
    else this.#ports.ban(member.incarnation, difference);
  }

  below(aggregator: Member, message: FromBelow): void {
    if (this.#isClosed) return;
    if (message.type === 'open') this.#stopTimer(aggregator.incarnation);
    this.#branches.below(aggregator, message, (worker, ready) => this.#difference(worker, ready));
  }

  /** The process of a worker below an aggregator has ended. */
  workerEnded(worker: Member, reason: string): void {
    this.#branches.workerEnded(worker, reason);
  }

  /** What keeps a worker from computing with the others, if anything does. */
  #difference(worker: { readonly hello: Hello; readonly name: string }, ready: Ready): string | undefined {
    const { fingerprint, probe, mixedNumerics } = this.#options;
    const data = dataDifference(ready, fingerprint);
    if (data !== undefined) return data;
    const bits = bitsDifference(worker, ready, this.#roster.everReady[0], probe);
    if (!bits) return undefined;
    if (!mixedNumerics) return `${bits.says}${bits.advice}`;
    this.#ports.notice(`${worker.name} ${bits.says}: from here on the weights depend on who computes what`);
    return undefined;
  }

  left(peer: Incarnation): void {
    this.#stopTimer(peer);
    this.#branches.left(peer);
    this.#with(this.#choice.leave(peer), (next) => this.#measure(next));
  }

  /** Nobody is let in any more. */
  close(): void {
    this.#isClosed = true;
    this.#branches.close();
    for (const timer of this.#preparing.values()) timer.clear();
  }

  #measure(member: Member): void {
    const { config, engine, measuresAnew: isAnew } = this.#options;
    this.#startTimer(member, 'measure its engines');
    this.#ports.send(member.incarnation, { type: 'measure', config: config(engine.wanted), isAnew });
  }

  /** It is known what this peer computes with; now it needs a place. */
  #settle(member: Member, choice: EngineOn): void {
    if (isAggregator(member)) this.#configure(member, choice);
    else this.#branches.place(member, () => this.#configure(member, choice));
  }

  #configure(member: Member, choice: EngineOn): void {
    const { config, fingerprint, layout, sliceSize } = this.#options;
    member.choice = choice;
    this.#startTimer(member, 'get ready');
    this.#ports.send(member.incarnation, { type: 'configure', config: config(choice), fingerprint, layout, sliceSize, level: 1 });
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
    this.#preparing.set(incarnation, new AwakeTimer(tooSlow, prepareTimeout * 1_000));
  }

  #stopTimer(peer: Incarnation): void {
    this.#preparing.get(peer)?.clear();
    this.#preparing.delete(peer);
  }
}
