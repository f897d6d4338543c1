import type { Message } from '../../shared/protocol/protocol.js';
import { awakeNow } from '../../shared/system/awakeTimer.js';
import { ProtocolError } from '../../shared/text/errors.js';
import type { Incarnation } from '../../shared/transport/transport.js';
import { type Arrival, GradientsIn } from '../../step/messages/gradientFrames.js';
import type { NodeAnswer } from '../../step/stepPort.js';
import { isTreeNode } from '../../step/tree.js';
import type { AnswerMessage, Assigning } from '../members/fleetPorts.js';
import { isAggregator, type Member, type Roster, workersOf } from '../members/roster.js';
import type { Tracer } from '../timing/tracer.js';
import type { Answered, Judged } from './job.js';
import type { OpenJobs } from './openJobs.js';
import { Pace } from './pace.js';

export interface AnswersOptions {
  readonly shards: number;
  /** Slices of every gradient that comes in messages. */
  readonly slices: number;
  readonly tracer?: Tracer | undefined;
}

/** An answer that has begun to come; undefined where nobody waits for it any more. */
type Begun = Judged | undefined;

/** Takes what workers answer, in memory or in messages, and follows how fast each is. Every answer is judged once, by its job. */
export class Answers {
  readonly #options: AnswersOptions;
  readonly #jobs: OpenJobs;
  readonly #roster: Roster;
  readonly #fleet: Assigning;
  readonly #gradientsIn: GradientsIn<Begun>;
  readonly #pace = new Pace();
  /** Answers that came after their unit had been given to another. */
  late = 0;

  constructor(options: AnswersOptions, jobs: OpenJobs, fleet: Assigning) {
    this.#options = options;
    this.#jobs = jobs;
    this.#roster = fleet.roster;
    this.#fleet = fleet;
    this.#gradientsIn = new GradientsIn(options.slices);
  }

  /** Takes what has come in a message. @throws ProtocolError where it is not what was asked of this worker */
  take(member: Member, message: AnswerMessage, values: Float32Array | undefined): void {
    switch (message.type) {
      case 'gradient':
        this.#take(
          member,
          this.#gradientsIn.begin(member.incarnation, message, (answer) => this.#judge(member, this.#checked(answer))),
          values,
        );
        return;
      case 'gradientSlice':
        this.#take(member, this.#gradientsIn.next(member.incarnation, message), values);
        return;
      case 'evaluation':
        this.#takeEvaluation(member, message);
        return;
      default:
        message satisfies never;
    }
  }

  /** A gradient that a worker has left in shared memory. */
  takeShared(member: Member, answer: NodeAnswer, gradient: Float32Array | undefined): void {
    const judged = this.#judge(member, answer);
    this.#finish(member, answer, judged, gradient);
  }

  /** A worker was asked for a part of a step just now. */
  asked(worker: Incarnation): void {
    this.#pace.asked(worker, awakeNow());
  }

  /** What share of the work each should get, relative to the others. */
  shares(workers: readonly Incarnation[]): number[] {
    return this.#pace.shares(workers);
  }

  left(worker: Incarnation): void {
    this.#pace.forget(worker);
    this.#gradientsIn.left(worker);
  }

  #takeEvaluation(member: Member, { work, chunk, sums, startedAt, computeMs }: Message<'evaluation'>): void {
    const answer = { work, node: { from: chunk, to: chunk + 1 }, shards: [sums], startedAt, computeMs };
    const job = this.#jobs.find(work, 'unit');
    const judged = job?.judge(member.incarnation, answer, this.#living);
    this.#options.tracer?.answered(member, { kind: 'evaluation', ...answer });
    this.#count(member, answer, judged && job?.finish(judged));
  }

  #judge(member: Member, answer: NodeAnswer): Begun {
    return this.#jobs.find(answer.work, 'tree')?.judge(member.incarnation, answer, this.#living);
  }

  /** What is in shared memory is written by our own program; a message may be anybody's. */
  #checked(answer: NodeAnswer): NodeAnswer {
    const { node } = answer;
    if (!isTreeNode(node, this.#options.shards)) throw new ProtocolError(`[${node.from}, ${node.to}) is no node of the tree`);
    return answer;
  }

  #take(member: Member, { answer, slice, judged, isLast }: Arrival<Begun>, values: Float32Array | undefined): void {
    if (judged && values) this.#jobs.find(answer.work, 'tree')?.take(judged, slice, values);
    if (isLast) this.#finish(member, answer, judged);
  }

  #finish(member: Member, answer: NodeAnswer, judged: Begun, gradient?: Float32Array): void {
    this.#options.tracer?.answered(member, { kind: 'gradient', ...answer });
    const job = this.#jobs.find(answer.work, 'tree');
    this.#count(member, answer, judged && job?.finish(judged, gradient));
    // Those below an aggregator compute side by side.
    this.#followPace(member, answer.computeMs, answer.shards.length / workersOf(member));
  }

  #count(member: Member, { work, computeMs }: NodeAnswer, answered: Answered | undefined): void {
    if (this.#jobs.isAbandoned(work)) return;
    if (answered?.verdict === 'again')
      this.#fleet.notice(`${member.name} gave a loss or gradient that is not finite: it is computed once more`);
    if (answered === undefined || answered.verdict === 'late') {
      this.late++;
      return;
    }
    member.units++;
    member.computeMs += computeMs;
    for (const faulty of answered.faulty) {
      // Alone it may have answered both times; what it says is finite now.
      if (faulty !== member.incarnation) this.#sendFaultyAway(faulty);
    }
  }

  #sendFaultyAway(peer: Incarnation): void {
    const reason = 'is faulty: what it found not finite, another worker found finite';
    const member = this.#roster.get(peer);
    // Which of those below an aggregator it was is not known, and the others are not to blame.
    if (member && isAggregator(member)) this.#fleet.notice(`a worker below ${member.name} ${reason}`);
    else this.#fleet.ban(peer, reason);
  }

  #followPace({ incarnation }: Member, computeMs: number, shards: number): void {
    const slow = this.#pace.record(incarnation, computeMs, shards, awakeNow());
    if (!slow) return;
    const name = this.#roster.get(slow.worker)?.name ?? 'a worker';
    this.#fleet.notice(
      `${name} is slow: ${slow.own.toFixed(1)} ms a shard, the others take ${slow.others.toFixed(1)} ms; it gets fewer shards`,
    );
  }

  get #living(): Incarnation[] {
    return this.#roster.askable.map(({ incarnation }) => incarnation);
  }
}
