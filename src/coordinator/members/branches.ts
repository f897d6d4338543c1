import type { Message } from '../../shared/protocol/protocol.js';
import { ProtocolError } from '../../shared/text/errors.js';
import { isLoopback, parseAddress } from '../../shared/transport/address.js';
import type { Incarnation } from '../../shared/transport/transport.js';
import type { DeskPorts, Fate, FromBelow } from './desk.js';
import { type BranchesOptions, branchFor, lastResort, placeOf } from './placing.js';
import { type Hello, isAggregator, type Member, type Ready, type Roster } from './roster.js';
import { type Branch, isOpen, newBranch, type Ticket, Tickets } from './tickets.js';
import { WaitingPeers } from './waitingPeers.js';

/** What keeps a worker from computing with the others, in words, if anything does. */
type Admits = (worker: { hello: Hello; name: string }, ready: Ready) => string | undefined;

/** A start of a process is behind whoever waits this long. */
const defaultPatience = 5_000;

/**
 * The tree in which a run's workers are arranged: who is below which aggregator. A worker goes to one on its own host, by
 * the host's name, or where it is to have one to that which has the fewest; aggregators stand below each other where there
 * are many.
 */
export class Branches {
  readonly #options: BranchesOptions;
  readonly #roster: Roster;
  readonly #ports: DeskPorts;
  readonly #tickets = new Tickets();
  readonly #waiting = new WaitingPeers();
  #hasSaidNone = false;
  #isClosed = false;

  constructor(options: BranchesOptions, roster: Roster, ports: DeskPorts) {
    this.#options = options;
    this.#roster = roster;
    this.#ports = ports;
  }

  /** Finds a peer its place: sends it to a branch, or has it stay, now or once it has waited for one. */
  place(member: Member, stay: () => void): void {
    const { patience = defaultPatience } = this.#options;
    const place = placeOf(member, this.#tickets, this.#options);
    if (place.isLost) this.#ports.notice(`${placeOn(member)} reaches no aggregator that it is sent to: it stays with the coordinator`);
    switch (place.kind) {
      case 'outside':
        stay();
        break;
      case 'top':
        this.#stay(member, stay);
        break;
      case 'below':
        this.#send(member, place.branch);
        break;
      case 'waits': {
        const giveUp = (): void => {
          const other = lastResort(member, this.#tickets, this.#options);
          if (other) this.#send(member, other);
          else this.#stay(member, stay);
        };
        this.#waiting.add(member.incarnation, giveUp, patience);
        break;
      }
      default:
        place satisfies never;
    }
  }

  #stay(member: Member, stay: () => void): void {
    const { incarnation, hello, name } = member;
    if (isAggregator(member)) this.#tickets.peers.set(incarnation, newBranch(hello, incarnation, name, undefined));
    else if (!this.#hasSaidNone && this.#tickets.all.length === 0) {
      this.#ports.notice('no aggregator has come (bpnn-dist aggregator --connect ADDRESS): workers stay with the coordinator');
      this.#hasSaidNone = true;
    }
    stay();
  }

  /**
   * An aggregator says something of itself or of those below it.
   * @throws ProtocolError where it speaks of what it has nothing to do with
   */
  below(member: Member, message: FromBelow, admits: Admits): void {
    if (!isAggregator(member)) throw new ProtocolError(`sent ${message.type}, and is no aggregator`);
    switch (message.type) {
      case 'open':
        this.#open(member, message);
        return;
      case 'joined':
        this.#joined(member, message, admits);
        return;
      case 'left': {
        const ticket = this.#tickets.find(member.incarnation, message.ticket);
        if (ticket) this.#drop(ticket, message.reason, message.isFinal ? 'final' : 'lost');
        return;
      }
      case 'worked':
        for (const [number, units, computeMs] of message.workers) {
          const worker = this.#tickets.find(member.incarnation, number)?.worker;
          if (worker) Object.assign(worker, { units, computeMs });
        }
        return;
      default:
        message satisfies never;
    }
  }

  /** A worker below is known to be gone before its aggregator says so. */
  workerEnded(worker: Member, reason: string): void {
    const found = this.#tickets.ofWorker(worker);
    if (found) this.#drop(found, reason, 'lost');
  }

  /** A peer is gone, and with it all that is below it, which comes back. */
  left(peer: Incarnation): void {
    this.#waiting.stop(peer);
    const branch = this.#tickets.peers.get(peer);
    if (!branch || this.#isClosed) return;
    this.#tickets.peers.delete(peer);
    this.#dropBelow(branch, `its ${branch.name} is gone`);
  }

  close(): void {
    this.#isClosed = true;
    this.#waiting.close();
  }

  #open(member: Member, { ticket: number, listens }: Message<'open'>): void {
    const branch = number === undefined ? this.#tickets.peers.get(member.incarnation) : this.#tickets.own(member.incarnation, number);
    if (!branch || isOpen(branch)) return;
    branch.listens = listens;
    const where = branch.above ? `, below ${branch.above.name}` : '';
    this.#ports.notice(`${branch.name} lets workers in (pid ${branch.hello.pid} on ${branch.hello.host}${where})`);
    for (const peer of this.#waiting.peers) {
      const waiting = this.#roster.get(peer);
      const above = waiting && branchFor(waiting, this.#tickets, this.#options);
      if (!waiting || !above) continue;
      this.#send(waiting, above);
      this.#waiting.stop(peer);
    }
  }

  #joined(member: Member, { ticket: number, hello, ready }: Message<'joined'>, admits: Admits): void {
    const ticket = this.#tickets.find(member.incarnation, number);
    if (!ticket || ticket.worker || ticket.hello.role !== 'worker') {
      // It may have it from a coordinator before this one, or have taken too long.
      const reason = 'it was not sent there, or long ago';
      this.#ports.send(member.incarnation, { type: 'dismiss', ticket: number, reason, isFinal: false });
      return;
    }
    const name = `worker ${ticket.member}`;
    const reason = admits({ hello, name }, ready);
    if (reason !== undefined) {
      this.#tickets.forget(ticket);
      this.#ports.send(member.incarnation, { type: 'dismiss', ticket: number, reason: reason.slice(0, 4_000), isFinal: true });
      this.#ports.notice(`${placeOn({ name, hello })} ${reason}`);
      return;
    }
    ticket.worker = this.#roster.admitBelow(member.incarnation, nameOf(number), { ...ticket, number: ticket.member }, ready);
    this.#ports.send(member.incarnation, { type: 'admit', ticket: number });
    this.#ports.countBelow(member, 1);
    this.#ports.enlisted(ticket.worker);
  }

  /** The peer leaves for a branch. */
  #send(member: Member, branch: Branch): void {
    const { incarnation, hello, number } = member;
    const ticket = this.#tickets.issue(member, branch, performance.now());
    // What only one machine reaches is of no use to another.
    const addresses = (branch.listens ?? []).filter((address) => hello.host === branch.hello.host || !isLoopback(parseAddress(address)));
    this.#ports.send(incarnation, { type: 'move', addresses, number, ticket });
    this.#ports.release(incarnation);
  }

  #drop(ticket: Ticket, reason: string, fate: Fate): void {
    this.#tickets.forget(ticket);
    const { worker, own } = ticket;
    if (own) {
      this.#ports.aggregatorLost(own, reason, fate);
      this.#dropBelow(own, `its ${own.name} is gone`);
    }
    if (!worker) return;
    this.#roster.remove(worker.incarnation);
    const peer = this.#roster.get(ticket.branch.via);
    if (peer) this.#ports.countBelow(peer, -1);
    this.#ports.lost(worker, reason, fate);
  }

  #dropBelow(branch: Branch, reason: string): void {
    for (const ticket of this.#tickets.below(branch)) this.#drop(ticket, reason, 'comesBack');
  }
}

/** Who it is and where it runs, for a person. */
function placeOn({ name, hello: { pid, host } }: { readonly name: string; readonly hello: Hello }): string {
  return `${name} (pid ${pid} on ${host})`;
}

/** What a worker below an aggregator goes by in the roster. */
function nameOf(ticket: number): Incarnation {
  return `ticket ${ticket}`;
}
