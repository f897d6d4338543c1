import { errorMessage, ProtocolError, RunError } from '../shared/errors.js';
import {
  type Decoded,
  decodeFromWorker,
  encode,
  type FromWorker,
  type Message,
  type PartSums,
  protocolVersion,
} from '../shared/protocol.js';
import type { Frames, Hub, Incarnation } from '../shared/transport.js';
import { isTreeNode, shardRange, type TreeNode } from '../shared/tree.js';
import { Job, type JobSpec } from './job.js';
import { type Member, Roster } from './roster.js';
import type { TreeSum } from './treeSum.js';

/** One step's batch: positions [from, from + count) of the epoch's order. */
export interface StepPlan {
  readonly step: number;
  readonly epoch: number;
  readonly from: number;
  readonly count: number;
}

export interface FleetEvents {
  onReady?(member: Member): void;
  /** A worker is gone or was sent away. */
  onLeft?(member: Member, reason: string): void;
  /** Someone was refused before it became a worker, or its message made no sense. */
  onRefused?(peer: string, reason: string): void;
}

export interface FleetOptions {
  readonly hub: Hub;
  /** What workers get to know of the run, as `plainConfig` writes it. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The data's fingerprint: a worker that sees other data is refused. */
  readonly fingerprint: string;
  /** Values in all weights. */
  readonly parameters: number;
  readonly shards: number;
  readonly sum: TreeSum;
  readonly events: FleetEvents;
  /** Version of this program; workers must have the same. */
  readonly version: string;
  /** Seconds. */
  readonly prepareTimeout: number;
}

/** Milliseconds between probes, which tell who can no longer be reached. */
const probeInterval = 1_000;

/** The workers of one run: lets them in, gives them work, gathers their answers, and notices who is gone. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #roster = new Roster();
  readonly #banned = new Set<Incarnation>();
  readonly #preparing = new Map<Incarnation, NodeJS.Timeout>();
  readonly #probing: NodeJS.Timeout;
  readonly #listening: Promise<void>;
  #job: Job | undefined;
  #failure: Error | undefined;
  #nextWork = 0;
  /** Answers that came after their part had been given to another. */
  lateAnswers = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#listening = this.#listen();
    this.#probing = setInterval(() => this.#probe(), probeInterval).unref();
  }

  /** Everyone that can compute now. */
  get ready(): readonly Member[] {
    return this.#roster.ready;
  }

  /** Everyone that is or was ready. */
  get veterans(): readonly Member[] {
    return this.#roster.veterans;
  }

  /** Computes the gradient sum of one global batch, which is good until the next call, and the sums of its shards that are not empty. */
  async gradients(plan: StepPlan, weights: Float32Array): Promise<{ parts: readonly PartSums[]; gradient: Float32Array }> {
    const { shards, sum } = this.#options;
    const sizes = Array.from({ length: shards }, (_, shard) => {
      const { from, to } = shardRange(shard, shards, plan.count);
      return to - from;
    });
    sum.start(shards, new Set(sizes.flatMap((size, shard) => (size > 0 ? [shard] : []))));
    const work = this.#nextWork++;
    const { step, epoch, from, count } = plan;
    const job = this.#open({
      work,
      parts: shards,
      sizes,
      grain: 'tree',
      request: (nodes) =>
        encode(
          { type: 'step', work, step, epoch, batch: [from, from + count], nodes: nodes.map((n): [number, number] => [n.from, n.to]) },
          [weights],
        ),
      onNode: (node, tensor) => tensor && sum.add(node, tensor),
    });
    return { parts: await job.done, gradient: sum.result() };
  }

  /** The sums of each chunk of a part of the data, in chunk order. */
  async evaluate(part: 'validation' | 'test', sizes: readonly number[], weights: Float32Array): Promise<readonly PartSums[]> {
    const work = this.#nextWork++;
    const job = this.#open({
      work,
      parts: sizes.length,
      sizes,
      grain: 'part',
      request: (nodes) => encode({ type: 'evaluate', work, part, chunks: nodes.map(({ from }) => from) }, [weights]),
    });
    return job.done;
  }

  /** Ends the run: whatever is being waited for rejects with the reason. */
  fail(reason: Error): void {
    this.#failure ??= reason;
    this.#job?.fail(reason);
  }

  /** The process of a worker that this coordinator started has ended. Says whether it was one of the fleet's. */
  processEnded(slot: number, reason: string): boolean {
    const member = this.#roster.bySlot(slot);
    if (member) this.#remove(member.incarnation, reason);
    return member !== undefined;
  }

  /** Tells everyone that the run is over and closes the socket. */
  async close(): Promise<void> {
    clearInterval(this.#probing);
    for (const timer of this.#preparing.values()) clearTimeout(timer);
    for (const { incarnation } of this.#roster.all) this.#send(incarnation, encode({ type: 'stop' }));
    await this.#options.hub.close();
    await this.#listening;
  }

  #send(to: Incarnation, frames: Frames): void {
    this.#options.hub.send(to, frames, () => this.#remove(to, 'the connection is lost'));
  }

  #open(spec: JobSpec): Job {
    if (this.#failure) throw this.#failure;
    const workers = this.#roster.ready.map(({ incarnation }) => incarnation);
    this.#job = new Job(spec, workers, (to, frames) => this.#send(to, frames));
    return this.#job;
  }

  async #listen(): Promise<void> {
    for await (const { from, frames } of this.#options.hub.messages()) {
      if (this.#banned.has(from)) continue;
      try {
        this.#receive(from, decodeFromWorker(frames, this.#options.parameters));
      } catch (error) {
        if (error instanceof ProtocolError) this.#ban(from, error.message);
        else this.fail(error instanceof Error ? error : new RunError(errorMessage(error)));
      }
    }
  }

  #receive(from: Incarnation, { message, tensors }: Decoded<FromWorker>): void {
    if (message.type === 'hello') {
      this.#welcome(from, message);
      return;
    }
    const member = this.#roster.get(from);
    if (!member) throw new ProtocolError(`sent ${message.type} before hello`);
    switch (message.type) {
      case 'ready':
        this.#enlist(member, message);
        return;
      case 'gradient':
        this.#takeGradient(member, message, tensors[0]);
        return;
      case 'evaluation':
        this.#takeEvaluation(member, message);
        return;
      case 'failed':
        this.#remove(from, message.reason);
        return;
      default:
        message satisfies never;
    }
  }

  #welcome(from: Incarnation, hello: Message<'hello'>): void {
    if (this.#roster.get(from)) throw new ProtocolError('said hello twice');
    const { version, config, fingerprint, prepareTimeout } = this.#options;
    if (hello.protocol !== protocolVersion || hello.version !== version) {
      this.#ban(
        from,
        `runs bpnn-dist ${hello.version} (protocol ${hello.protocol}), this run needs ${version} (protocol ${protocolVersion})`,
      );
      return;
    }
    const { name } = this.#roster.admit(from, hello);
    const timer = setTimeout(() => this.#ban(from, `${name} did not get ready within ${prepareTimeout} s`), prepareTimeout * 1_000);
    this.#preparing.set(from, timer);
    this.#send(from, encode({ type: 'configure', config, fingerprint }));
  }

  #enlist(member: Member, ready: Message<'ready'>): void {
    if (member.ready) throw new ProtocolError('said ready twice');
    this.#stopTimer(member.incarnation);
    const difference = this.#differenceOf(member, ready);
    if (difference !== undefined) {
      this.#ban(member.incarnation, difference);
      return;
    }
    this.#roster.markReady(member, ready);
    this.#job?.workerJoined(member.incarnation);
    this.#options.events.onReady?.(member);
  }

  /** What keeps a worker from giving the same bits as the others, in words. */
  #differenceOf(member: Member, ready: Message<'ready'>): string | undefined {
    const { fingerprint } = this.#options;
    if (ready.fingerprint !== fingerprint) return `sees other data: expected fingerprint ${fingerprint}, got ${ready.fingerprint}`;
    const first = this.#roster.veterans[0];
    if (!first?.ready || first.ready.probe === ready.probe) return undefined;
    const describe = (m: Member, r: Message<'ready'>): string => `${r.engine.library} ${r.engine.provider} on ${m.hello.cpu}`;
    return `computes other bits (${describe(member, ready)}) than ${first.name} (${describe(first, first.ready)})`;
  }

  #takeGradient(member: Member, message: Message<'gradient'>, tensor: Float32Array | undefined): void {
    const node: TreeNode = { from: message.node[0], to: message.node[1] };
    if (!isTreeNode(node, this.#options.shards)) throw new ProtocolError(`[${node.from}, ${node.to}) is no node of the tree`);
    const job = this.#jobOf(message.work, 'tree');
    this.#count(member, message, job?.answer(member.incarnation, node, message.shards, tensor) ?? false);
  }

  #takeEvaluation(member: Member, message: Message<'evaluation'>): void {
    const { chunk, sums } = message;
    const job = this.#jobOf(message.work, 'part');
    this.#count(member, message, job?.answer(member.incarnation, { from: chunk, to: chunk + 1 }, [sums]) ?? false);
  }

  /** The work that an answer is for, unless that is over. */
  #jobOf(work: number, grain: JobSpec['grain']): Job | undefined {
    if (work >= this.#nextWork) throw new ProtocolError(`answered work ${work}, which does not exist`);
    if (this.#job?.spec.work !== work) return undefined;
    if (this.#job.spec.grain !== grain) throw new ProtocolError(`answered work ${work} as if it were of another kind`);
    return this.#job;
  }

  #count(member: Member, { computeMs }: { computeMs: number }, isTaken: boolean): void {
    if (isTaken) {
      member.parts++;
      member.computeMs += computeMs;
    } else {
      this.lateAnswers++;
    }
  }

  #ban(peer: Incarnation, reason: string): void {
    this.#banned.add(peer);
    this.#send(peer, encode({ type: 'refuse', reason: `refused: ${reason}`.slice(0, 4_000) }));
    if (!this.#roster.get(peer)) this.#options.events.onRefused?.(peer, reason);
    this.#remove(peer, reason);
  }

  #remove(peer: Incarnation, reason: string): void {
    this.#stopTimer(peer);
    const member = this.#roster.remove(peer);
    if (!member) return;
    const living = this.#roster.ready.map(({ incarnation }) => incarnation);
    this.#job?.workerLeft(peer, living);
    this.#options.events.onLeft?.(member, reason);
  }

  #stopTimer(peer: Incarnation): void {
    clearTimeout(this.#preparing.get(peer));
    this.#preparing.delete(peer);
  }

  #probe(): void {
    for (const { incarnation } of this.#roster.all) this.#send(incarnation, encode({ type: 'probe' }));
  }
}
