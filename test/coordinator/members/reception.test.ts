import { test } from 'tap';
import { Reception, type ReceptionOptions } from '../../../src/coordinator/members/reception.js';
import { type Member, Roster } from '../../../src/coordinator/members/roster.js';
import type { EngineFigure } from '../../../src/shared/engine/engineFigures.js';
import type { FromCoordinator } from '../../../src/shared/protocol/protocol.js';
import type { Incarnation } from '../../../src/shared/transport/transport.js';
import { hello, ready, runOptions } from '../../fixtures/messages.js';

/** Who measures engines, who waits, and what all are told then. */

const open: Partial<ReceptionOptions> = { engine: { wanted: { engine: 'auto', device: 'auto' }, known: undefined }, shardsEach: 2 };
const figures: readonly EngineFigure[] = [
  { engine: 'blas', device: 'cpu', ms: 0.25 },
  { engine: 'onnx', device: 'cpu', ms: 0.12 },
  { engine: 'tensorflow', device: 'gpu', ms: null, reason: 'no GPU' },
];

class Door {
  readonly roster = new Roster();
  readonly sent: string[] = [];
  readonly lines: string[] = [];
  readonly banned: string[] = [];
  readonly reception: Reception;

  constructor(t: { teardown(end: () => void): void }, options: Partial<ReceptionOptions>) {
    const config = (choice: object): Readonly<Record<string, unknown>> => ({ ...choice });
    this.reception = new Reception({ ...runOptions, ...options, config }, this.roster, {
      send: (to, message) => this.sent.push(`${to}: ${wordsFor(message)}`),
      ban: (_, reason) => this.banned.push(reason),
      notice: (line) => this.lines.push(line),
      enlist: (member, ready) => this.roster.markReady(member, ready),
      release: (peer) => this.leave(peer),
      enlisted: (worker) => this.lines.push(`${worker.name} computes`),
      lost: (worker, reason, fate) => this.lines.push(`${worker.name} ${reason}: ${fate}`),
      aggregatorLost: ({ name }, reason, fate) => this.lines.push(`${name} ${reason}: ${fate}`),
      countBelow: (aggregator, more) => this.roster.countBelow(aggregator, more),
    });
    t.teardown(() => this.reception.close());
  }

  come(...workers: readonly string[]): void {
    for (const worker of workers) this.reception.hello(worker as Incarnation, hello);
  }

  measured(worker: string, isOld = false): void {
    this.reception.measured(this.member(worker), { type: 'measured', figures, isOld });
  }

  member(worker: string): Member {
    return this.roster.get(worker as Incarnation) as Member;
  }

  leave(worker: string): void {
    this.roster.remove(worker as Incarnation);
    this.reception.left(worker as Incarnation);
  }

  /** What was sent since this was asked last. */
  said(): string[] {
    return this.sent.splice(0);
  }
}

function wordsFor(message: FromCoordinator): string {
  if (message.type !== 'configure' && message.type !== 'measure') return message.type;
  const { engine, device } = message.config;
  return `${message.type} ${engine}/${device}`;
}

test('what the config names is not measured', async (t) => {
  const door = new Door(t, {});
  door.come('a', 'b');
  t.same(door.said(), ['a: configure onnx/cpu', 'b: configure onnx/cpu']);
  t.throws(() => door.measured('a'), { name: 'ProtocolError', message: /not asked for/ });
});

test('what a resumed run has used is not measured', async (t) => {
  const door = new Door(t, { engine: { wanted: { engine: 'auto', device: 'auto' }, known: { engine: 'onnx', device: 'webgpu' } } });
  door.come('a');
  t.same(door.said(), ['a: configure onnx/webgpu']);
});

test('the first measures, the others wait, and all take the fastest', async (t) => {
  const door = new Door(t, open);
  door.come('a', 'b', 'c');
  t.same(door.said(), ['a: measure auto/auto']);
  t.throws(() => door.measured('b'), { name: 'ProtocolError' }, 'only who was asked may say');
  door.leave('b');
  door.measured('a');
  door.come('d');
  t.same(door.said(), ['a: configure onnx/cpu', 'c: configure onnx/cpu', 'd: configure onnx/cpu']);
  t.same(door.lines, ['blas/cpu 0.50 ms, onnx/cpu 0.24 ms a step: onnx/cpu', 'tensorflow/gpu does not work: no GPU']);
  t.same(door.member('d').choice, { engine: 'onnx', device: 'cpu' });
});

test('where the one that measures is lost, the next does', async (t) => {
  const door = new Door(t, open);
  door.come('a', 'b');
  door.leave('a');
  t.same(door.said(), ['a: measure auto/auto', 'b: measure auto/auto']);
  door.measured('b', true);
  t.same(door.said(), ['b: configure onnx/cpu']);
  t.match(door.lines[0], /: onnx\/cpu \(measured before; --measure does it again\)$/);
});

test('with mixed numerics each measures, one after the other', async (t) => {
  const door = new Door(t, { ...open, mixedNumerics: true });
  door.come('a', 'b');
  t.same(door.said(), ['a: measure auto/auto']);
  door.measured('a');
  t.same(door.said(), ['a: configure onnx/cpu', 'b: measure auto/auto']);
  door.measured('b');
  t.same(door.said(), ['b: configure onnx/cpu']);
  t.match(door.lines[0], /^worker 0: blas/);
});

test('nothing that works is no answer', async (t) => {
  const door = new Door(t, open);
  door.come('a');
  const none = figures.map((figure) => ({ ...figure, reason: 'broken' }));
  t.throws(() => door.reception.measured(door.member('a'), { type: 'measured', figures: none, isOld: false }), { name: 'ProtocolError' });
});

test('no answer is one that was not asked for, or leaves open what was to be chosen', async (t) => {
  const refused = (wanted: ReceptionOptions['engine']['wanted'], one: EngineFigure): void => {
    const door = new Door(t, { ...open, engine: { wanted, known: undefined } });
    door.come('a');
    const answer = { type: 'measured', figures: [one], isOld: false } as const;
    t.throws(() => door.reception.measured(door.member('a'), answer), { name: 'ProtocolError' }, `${one.engine} ${one.device}`);
  };
  refused({ engine: 'auto', device: 'auto' }, { engine: 'auto', device: 'cpu', ms: 1 });
  refused({ engine: 'auto', device: 'auto' }, { engine: 'onnx', device: 'auto', ms: 1 });
  refused({ engine: 'onnx', device: 'auto' }, { engine: 'blas', device: 'cpu', ms: 1 });
  refused({ engine: 'auto', device: 'gpu' }, { engine: 'onnx', device: 'cpu', ms: 1 });
});

test('who is not configured yet cannot be ready', async (t) => {
  const door = new Door(t, open);
  door.come('a', 'b');
  for (const worker of ['a', 'b']) t.throws(() => door.reception.ready(door.member(worker), ready), { name: 'ProtocolError' });
  door.measured('a');
  door.reception.ready(door.member('a'), ready);
  t.same(
    door.roster.ready.map(({ name }) => name),
    ['worker 0'],
  );
});

test('a door that is closed lets nobody in', async (t) => {
  const door = new Door(t, open);
  door.come('a');
  door.reception.close();
  door.come('b');
  door.measured('a');
  t.same(door.said(), ['a: measure auto/auto']);
});

test('another version is sent away', async (t) => {
  const door = new Door(t, {});
  door.reception.hello('a' as Incarnation, { ...hello, version: '0.9.0' });
  t.match(door.banned, [/^host a runs bpnn-dist 0\.9\.0 \(protocol \d+\), this run needs 1\.0\.0/]);
});
