import type { UnitSums } from '../../shared/protocol/protocol.js';
import { ProtocolError } from '../../shared/text/errors.js';
import type { Incarnation } from '../../shared/transport/transport.js';
import { coveringNodes, type TreeNode } from '../../step/tree.js';

/**
 * The bookkeeping of one job (a step or an evaluation): which unit is owed by whom, what an answer is worth, and what to
 * hand out again when a worker is gone. A pure reducer: no clock, no socket.
 */
export interface Ledger {
  /** Samples of each unit of the job, a shard of a step or a chunk of an evaluation; 0 for one that is not wanted. */
  readonly sizes: readonly number[];
  /** `tree`: neighbours are asked for as one sum where they are a node of the tree. `unit`: every unit by itself. */
  readonly grain: 'tree' | 'unit';
  readonly owed: ReadonlyMap<Incarnation, readonly TreeNode[]>;
  /** Every node that was ever asked of a worker, to tell late answers from made-up ones. */
  readonly asked: ReadonlyMap<Incarnation, readonly TreeNode[]>;
  /** Units nobody owes: all workers are gone, and the next to join gets them. */
  readonly orphans: readonly number[];
  /** Units still to come. */
  readonly missing: number;
  /** Who gave an answer that was not finite, by unit. */
  readonly suspects: ReadonlyMap<number, Incarnation>;
}

export interface Assignment {
  readonly worker: Incarnation;
  readonly nodes: readonly TreeNode[];
}

/** A ledger after something has happened, and what must now be sent to whom. */
export interface Change {
  readonly ledger: Ledger;
  readonly assignments: readonly Assignment[];
}

/** What an answer is worth: it is to be taken, comes too late, or is not finite and asked for again; and the units it is for. */
export interface Judgement {
  readonly verdict: 'taken' | 'late' | 'again';
  readonly units: readonly number[];
  /** Those whose sums are not finite. */
  readonly bad: readonly number[];
}

/**
 * Starts a job.
 * @param workers who is ready, in a fixed order; each gets neighbouring units
 * @param shares how much of the work each should get, relative to the others; equal where not given
 */
export function openLedger(
  sizes: readonly number[],
  grain: Ledger['grain'],
  workers: readonly Incarnation[],
  shares: readonly number[] = workers.map(() => 1),
): Change {
  const wanted = wantedUnits(sizes);
  const nobody: Ledger = {
    ...{ sizes, grain, owed: new Map(), asked: new Map(), suspects: new Map() },
    ...{ orphans: [], missing: wanted.length },
  };
  return assign(nobody, wanted, workers, shares);
}

/** Units that are not empty, in order. */
function wantedUnits(sizes: readonly number[]): number[] {
  return sizes.flatMap((size, unit) => (size > 0 ? [unit] : []));
}

/** Units of some nodes that are not empty. */
function unitsOf({ sizes }: Ledger, nodes: readonly TreeNode[]): number[] {
  const units: number[] = [];
  for (const { from, to } of nodes) for (let unit = from; unit < to; unit++) if ((sizes[unit] ?? 0) > 0) units.push(unit);
  return units;
}

/** Has everything come? */
export function isComplete(ledger: Ledger): boolean {
  return ledger.missing === 0;
}

/**
 * Judges a worker's answer for a node by its sums. One that is not finite is asked for once more before it is believed.
 * @throws ProtocolError for a node that was never asked of this worker, or sums that do not fit it
 */
export function judge(ledger: Ledger, worker: Incarnation, node: TreeNode, sums: readonly UnitSums[]): Judgement {
  const units = unitsOf(ledger, [node]);
  if (!owes(ledger, worker, node)) return { verdict: 'late', units, bad: [] };
  if (sums.length !== units.length || units.some((unit, i) => sums[i]?.count !== ledger.sizes[unit])) {
    const [got, expected] = [sums.map(({ count }) => count), units.map((unit) => ledger.sizes[unit])];
    throw new ProtocolError(`answered for [${node.from}, ${node.to}) with counts ${got}, expected ${expected}`);
  }
  const bad = units.filter((_, i) => !isFiniteSums(sums[i]));
  const isFirst = bad.length > 0 && !units.some((unit) => ledger.suspects.has(unit));
  return { verdict: isFirst ? 'again' : 'taken', units, bad };
}

/** Does a worker still owe a node? @throws ProtocolError where it was never asked for it */
export function owes({ owed, asked }: Ledger, worker: Incarnation, node: TreeNode): boolean {
  if (has(owed, worker, node)) return true;
  if (has(asked, worker, node)) return false;
  throw new ProtocolError(`answered for [${node.from}, ${node.to}), which it was never asked for`);
}

/** All of a node that a worker owes has come. @param units of the node, as they were judged */
export function settled(ledger: Ledger, worker: Incarnation, node: TreeNode, units: readonly number[]): Ledger {
  return { ...ledger, owed: without(ledger.owed, worker, node), missing: ledger.missing - units.length };
}

/** A worker's node, whose sums are not finite, is asked of another instead, if there is one. */
export function askedAgain(ledger: Ledger, worker: Incarnation, node: TreeNode, living: readonly Incarnation[]): Change {
  const other = living.find((candidate) => candidate !== worker) ?? worker;
  const suspects = new Map(ledger.suspects);
  for (const unit of unitsOf(ledger, [node])) suspects.set(unit, worker);
  return give({ ...ledger, suspects, owed: without(ledger.owed, worker, node) }, [{ worker: other, nodes: [node] }]);
}

/** A worker is gone: what it owed goes to the living. */
export function left(ledger: Ledger, worker: Incarnation, living: readonly Incarnation[]): Change {
  const owed = new Map(ledger.owed);
  owed.delete(worker);
  const free = [...ledger.orphans, ...unitsOf(ledger, ledger.owed.get(worker) ?? [])].sort((a, b) => a - b);
  return assign({ ...ledger, owed }, free, living);
}

/** A worker has become ready in the middle of the job: it gets what nobody owes. */
export function joined(ledger: Ledger, worker: Incarnation): Change {
  return assign(ledger, ledger.orphans, [worker]);
}

/** Workers that have not answered for everything they owe. */
export function owing({ owed }: Ledger): Incarnation[] {
  return [...owed].filter(([, nodes]) => nodes.length > 0).map(([worker]) => worker);
}

function assign(
  ledger: Ledger,
  units: readonly number[],
  workers: readonly Incarnation[],
  shares: readonly number[] = workers.map(() => 1),
): Change {
  if (workers.length === 0) return { ledger: { ...ledger, orphans: units }, assignments: [] };
  const all = shares.reduce((sum, share) => sum + share, 0);
  let given = 0;
  let from = 0;
  const assignments = workers.map((worker, i) => {
    given += shares[i] ?? 0;
    // The last takes what is left, whatever rounding has done.
    const to = i === workers.length - 1 ? units.length : Math.floor((given / all) * units.length + 1e-9);
    const nodes = nodesOf(units.slice(from, to), ledger);
    from = to;
    return { worker, nodes };
  });
  return give(
    { ...ledger, orphans: [] },
    assignments.filter(({ nodes }) => nodes.length > 0),
  );
}

function give(ledger: Ledger, assignments: readonly Assignment[]): Change {
  const [owed, asked] = [new Map(ledger.owed), new Map(ledger.asked)];
  for (const { worker, nodes } of assignments) {
    for (const books of [owed, asked]) books.set(worker, [...(books.get(worker) ?? []), ...nodes]);
  }
  return { ledger: { ...ledger, owed, asked }, assignments };
}

function without(owed: Ledger['owed'], worker: Incarnation, node: TreeNode): Ledger['owed'] {
  const rest = (owed.get(worker) ?? []).filter((other) => !isSame(other, node));
  return new Map(owed).set(worker, rest);
}

/** The fewest nodes over some units; `units` may have gaps. */
function nodesOf(units: readonly number[], { grain, sizes }: Ledger): TreeNode[] {
  if (grain === 'unit') return units.map((unit) => ({ from: unit, to: unit + 1 }));
  const nodes: TreeNode[] = [];
  for (let i = 0; i < units.length; ) {
    let end = i + 1;
    while (end < units.length && units[end] === (units[end - 1] ?? 0) + 1) end++;
    nodes.push(...coveringNodes(units[i] ?? 0, (units[end - 1] ?? 0) + 1, sizes.length));
    i = end;
  }
  return nodes;
}

function has(books: Ledger['owed'], worker: Incarnation, node: TreeNode): boolean {
  return books.get(worker)?.some((other) => isSame(other, node)) === true;
}

function isSame(a: TreeNode, b: TreeNode): boolean {
  return a.from === b.from && a.to === b.to;
}

function isFiniteSums(sums: UnitSums | undefined): boolean {
  return sums !== undefined && Number.isFinite(sums.loss) && Number.isFinite(sums.squaredNorm);
}
