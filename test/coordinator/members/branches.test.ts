import { test } from 'tap';
import { Branches } from '../../../src/coordinator/members/branches.js';
import type { BranchesOptions } from '../../../src/coordinator/members/placing.js';
import { type Member, Roster } from '../../../src/coordinator/members/roster.js';
import type { FromCoordinator, Message } from '../../../src/shared/protocol/protocol.js';
import { movableClock } from '../../fixtures/inProcess/movableClock.js';
import { hello, ready } from '../../fixtures/messages.js';

/** Who is sent to which aggregator, and what becomes of those below one that is gone. */

class Tree {
  readonly roster = new Roster();
  readonly lines: string[] = [];
  readonly branches: Branches;
  readonly #moves = new Map<string, Message<'move'>>();
  /** The members that were sent on, which are peers of the coordinator no more. */
  readonly #members = new Map<string, Member>();

  constructor(t: { teardown(end: () => void): void }, options: Partial<BranchesOptions> = {}) {
    this.branches = new Branches({ topology: 'tree', fanIn: 2, patience: 0, ...options }, this.roster, {
      send: (to, message) => this.#hear(to, message),
      ban: (peer, reason) => this.lines.push(`${peer} is banned: ${reason}`),
      release: (peer) => {
        this.roster.remove(peer);
        this.branches.left(peer);
      },
      notice: (line) => this.lines.push(line.replace(/ \(pid.*/, '')),
      enlist: () => undefined,
      enlisted: ({ name }) => this.lines.push(`${name} computes`),
      lost: ({ name }, reason, fate) => this.lines.push(`${name} ${reason}: ${fate}`),
      aggregatorLost: ({ name }, reason, fate) => this.lines.push(`${name} ${reason}: ${fate}`),
      countBelow: (aggregator, more) => this.roster.countBelow(aggregator, more),
    });
    t.teardown(() => this.branches.close());
  }

  #hear(to: string, message: FromCoordinator): void {
    if (message.type === 'move') this.#moves.set(to, message);
    else this.lines.push(`${to}: ${message.type}`);
  }

  come(peer: string, role: 'worker' | 'aggregator', host: string, misses = 0): void {
    const member = this.roster.admit(peer, { ...hello, role, host, misses });
    this.#members.set(peer, member);
    this.branches.place(member, () => this.lines.push(`${peer} stays`));
  }

  /** An aggregator that stays, or was sent on through another, lets workers in. */
  open(peer: string, through?: string): void {
    const ticket = through === undefined ? {} : { ticket: this.ticketOf(peer) };
    const listens = [`ipc:///tmp/${peer}`, `tcp://${peer}:1`];
    this.say(through ?? peer, { type: 'open', listens, ...ticket });
  }

  join(peer: string, through: string, bits = 'p'): void {
    const said = { ...ready, probe: bits };
    this.say(through, { type: 'joined', ticket: this.ticketOf(peer), hello: this.member(peer).hello, ready: said });
  }

  say(through: string, message: Message<'open' | 'joined' | 'left' | 'worked'>): void {
    this.branches.below(this.member(through), message, (_, { probe }) => (probe === 'p' ? undefined : 'computes other bits'));
  }

  member(peer: string): Member {
    return this.#members.get(peer) as Member;
  }

  /** Where a peer was sent. */
  sentTo(peer: string): readonly string[] | undefined {
    return this.#moves.get(peer)?.addresses;
  }

  ticketOf(peer: string): number {
    return this.#moves.get(peer)?.ticket ?? Number.NaN;
  }

  said(): string[] {
    return this.lines.splice(0);
  }
}

test('workers go to the aggregator of their host, others to that which has the fewest', async (t) => {
  const clock = movableClock(t);
  const tree = new Tree(t);
  tree.come('a', 'aggregator', 'one');
  tree.come('b', 'aggregator', 'two');
  tree.open('a');
  tree.open('b');
  t.same(tree.said(), ['a stays', 'b stays', 'aggregator 0 lets workers in', 'aggregator 1 lets workers in']);
  tree.come('w', 'worker', 'two');
  t.same(tree.sentTo('w'), ['ipc:///tmp/b', 'tcp://b:1'], 'and may come by what only its host has');
  tree.come('v', 'worker', 'three');
  t.equal(tree.sentTo('v'), undefined, 'it waits for one of its own');
  await clock.pass(100);
  t.same(tree.sentTo('v'), ['tcp://a:1']);
});

test('a worker that has come before the aggregator of its host waits for it', async (t) => {
  const tree = new Tree(t, { patience: 60_000 });
  tree.come('a', 'aggregator', 'one');
  tree.open('a');
  tree.come('w', 'worker', 'two');
  tree.come('b', 'aggregator', 'two');
  tree.open('b');
  t.same(tree.sentTo('w'), ['ipc:///tmp/b', 'tcp://b:1']);
});

test('auto: only below an aggregator of the own host, and nobody waits where none is expected', async (t) => {
  const clock = movableClock(t);
  const tree = new Tree(t, { topology: 'auto' });
  tree.come('v', 'worker', 'one');
  t.same(tree.said(), ['v stays']);
  tree.come('a', 'aggregator', 'one');
  tree.open('a');
  tree.come('w', 'worker', 'two');
  await clock.pass(100);
  t.same(tree.said(), ['a stays', 'aggregator 0 lets workers in', 'w stays']);
  const expecting = new Tree(t, { topology: 'auto', expects: true, patience: 60_000 });
  expecting.come('v', 'worker', 'one');
  expecting.come('a', 'aggregator', 'one');
  expecting.open('a');
  t.same(expecting.sentTo('v'), ['ipc:///tmp/a', 'tcp://a:1']);
});

test('who reaches no aggregator again and again stays', async (t) => {
  const tree = new Tree(t);
  tree.come('a', 'aggregator', 'one');
  tree.open('a');
  tree.said();
  tree.come('w', 'worker', 'one', 4);
  t.equal(tree.sentTo('w'), undefined);
  t.same(tree.said(), ['worker 0', 'w stays']);
});

test('star: everyone stays; a tree without aggregators says so once', async (t) => {
  const clock = movableClock(t);
  const star = new Tree(t, { topology: 'star' });
  star.come('w', 'worker', 'one');
  t.same(star.said(), ['w stays']);
  const tree = new Tree(t);
  tree.come('w', 'worker', 'one');
  tree.come('v', 'worker', 'one');
  await clock.pass(100);
  t.same(tree.said(), [
    'no aggregator has come (bpnn-dist aggregator --connect ADDRESS): workers stay with the coordinator',
    'w stays',
    'v stays',
  ]);
});

test('aggregators beyond the fan-in stand below others, level by level', async (t) => {
  const tree = new Tree(t);
  for (const peer of ['a', 'b']) {
    tree.come(peer, 'aggregator', peer);
    tree.open(peer);
  }
  const tops = new Map([
    ['a', 'a'],
    ['b', 'b'],
  ]);
  const above: string[] = [];
  for (const peer of ['c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']) {
    tree.come(peer, 'aggregator', peer);
    const [, parent = ''] = /^tcp:\/\/(\w)/.exec(tree.sentTo(peer)?.[0] ?? '') ?? [];
    above.push(parent);
    tops.set(peer, tops.get(parent) ?? '');
    tree.open(peer, tops.get(parent));
  }
  t.same(above.slice(0, 4), ['a', 'b', 'a', 'b'], 'the second level');
  t.same(above.slice(4).sort(), ['c', 'd', 'e', 'f'], 'the third');
});

test('who is below one that is gone is told of, and comes back; the others stay', async (t) => {
  const tree = new Tree(t);
  for (const peer of ['a', 'b']) {
    tree.come(peer, 'aggregator', peer);
    tree.open(peer);
  }
  tree.come('c', 'aggregator', 'c');
  tree.open('c', 'a');
  for (const [peer, host, through] of [
    ['u', 'a', 'a'],
    ['v', 'c', 'a'],
    ['w', 'b', 'b'],
  ] as const) {
    tree.come(peer, 'worker', host);
    tree.join(peer, through);
  }
  t.same(
    tree.roster.askable.map(({ name, below }) => [name, below]),
    [
      ['aggregator 0', 2],
      ['aggregator 1', 1],
    ],
    'as many count as compute below',
  );
  tree.said();
  tree.say('a', { type: 'left', ticket: tree.ticketOf('c'), reason: 'the connection is lost', isFinal: false });
  t.same(tree.said(), ['aggregator 2 the connection is lost: lost', 'worker 1 its aggregator 2 is gone: comesBack']);
  tree.roster.remove('a');
  tree.branches.left('a');
  t.same(tree.said(), ['worker 0 its aggregator 0 is gone: comesBack']);
  t.same(
    tree.roster.ready.map(({ name }) => name),
    ['worker 2'],
  );
});

test('nobody is let in twice, for another, or with other bits', async (t) => {
  const tree = new Tree(t);
  for (const peer of ['a', 'b']) {
    tree.come(peer, 'aggregator', peer);
    tree.open(peer);
  }
  tree.come('w', 'worker', 'a');
  tree.said();
  tree.join('w', 'b');
  tree.say('a', { type: 'joined', ticket: 7, hello, ready });
  t.same(tree.said(), ['b: dismiss', 'a: dismiss'], 'an aggregator passes on what it hears, and is not to blame');
  tree.open('w', 'a');
  tree.say('b', { type: 'left', ticket: tree.ticketOf('w'), reason: 'is gone', isFinal: true });
  t.same(tree.said(), []);
  tree.join('w', 'a');
  t.same(tree.said(), ['a: admit', 'worker 0 computes']);
  tree.join('w', 'a');
  t.same(tree.said(), ['a: dismiss']);
  tree.come('v', 'worker', 'a');
  tree.said();
  tree.join('v', 'a', 'other');
  t.same(tree.said(), ['a: dismiss', 'worker 1']);
  t.same(
    tree.roster.ready.map(({ name }) => name),
    ['worker 0'],
  );
  tree.come('u', 'worker', 'x');
  t.throws(() => tree.say('u', { type: 'open', listens: ['tcp://u:1'] }), { name: 'ProtocolError', message: /is no aggregator/ });
});
