import { ProtocolError } from '../../shared/text/errors.js';
import type { Incarnation } from '../../shared/transport/transport.js';
import { coveringNodes, type TreeNode } from '../../step/tree.js';

/**
 * The bookkeeping of one piece of work (a step or an evaluation): which part is owed by whom, what has come, and what
 * to hand out again when a worker is gone. A pure reducer: no clock, no socket.
 */
export interface Ledger {
  /** Parts of the work: shards of a step, or chunks of an evaluation. */
  readonly parts: number;
  /** `tree`: neighbours are asked for as one sum where they are a node of the tree. `part`: every part by itself. */
  readonly grain: 'tree' | 'part';
  readonly owed: ReadonlyMap<Incarnation, readonly TreeNode[]>;
  /** Every node that was ever asked of a worker, to tell late answers from made-up ones. */
  readonly asked: ReadonlyMap<Incarnation, readonly TreeNode[]>;
  /** Parts nobody owes: all workers are gone, and the next to join gets them. */
  readonly orphans: readonly number[];
  /** Parts still to come. */
  readonly missing: number;
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

/**
 * Starts a piece of work.
 * @param wanted the parts that are not empty, in order
 * @param workers who is ready, in a fixed order; each gets neighbouring parts
 * @param shares how much of the work each should get, relative to the others; equal where not given
 */
export function openLedger(
  parts: number,
  wanted: readonly number[],
  grain: Ledger['grain'],
  workers: readonly Incarnation[],
  shares: readonly number[] = workers.map(() => 1),
): Change {
  const empty: Ledger = { parts, grain, owed: new Map(), asked: new Map(), orphans: [], missing: wanted.length };
  return assign(empty, wanted, workers, shares);
}

/** Has everything come? */
export function isComplete(ledger: Ledger): boolean {
  return ledger.missing === 0;
}

/**
 * A worker has answered for a node. `late` answers (asked once, but since given to another) change nothing.
 * @param size parts of the node that are not empty
 * @throws ProtocolError for a node that was never asked of this worker
 */
export function answered(ledger: Ledger, worker: Incarnation, node: TreeNode, size: number): { ledger: Ledger; isLate: boolean } {
  const owed = ledger.owed.get(worker) ?? [];
  const rest = owed.filter((other) => !isSame(other, node));
  if (rest.length < owed.length) {
    return { ledger: { ...ledger, owed: new Map(ledger.owed).set(worker, rest), missing: ledger.missing - size }, isLate: false };
  }
  if (ledger.asked.get(worker)?.some((other) => isSame(other, node))) return { ledger, isLate: true };
  throw new ProtocolError(`answered for [${node.from}, ${node.to}), which it was never asked for`);
}

/** A worker is gone: what it owed goes to the living. */
export function left(ledger: Ledger, worker: Incarnation, wanted: readonly number[], living: readonly Incarnation[]): Change {
  const nodes = ledger.owed.get(worker) ?? [];
  const owed = new Map(ledger.owed);
  owed.delete(worker);
  const parts = wanted.filter((part) => nodes.some(({ from, to }) => from <= part && part < to));
  const free = [...ledger.orphans, ...parts].sort((a, b) => a - b);
  return assign({ ...ledger, owed }, free, living);
}

/** A worker has become ready in the middle of the work: it gets what nobody owes. */
export function joined(ledger: Ledger, worker: Incarnation): Change {
  return assign(ledger, ledger.orphans, [worker]);
}

/** A worker's node is asked of another worker instead. */
export function handOver(ledger: Ledger, node: TreeNode, from: Incarnation, to: Incarnation): Change {
  const owed = new Map(ledger.owed).set(
    from,
    (ledger.owed.get(from) ?? []).filter((other) => !isSame(other, node)),
  );
  const asked = new Map(ledger.asked);
  for (const books of [owed, asked]) books.set(to, [...(books.get(to) ?? []), node]);
  return { ledger: { ...ledger, owed, asked }, assignments: [{ worker: to, nodes: [node] }] };
}

/** Workers that have not answered for everything they owe. */
export function debtors({ owed }: Ledger): Incarnation[] {
  return [...owed].filter(([, nodes]) => nodes.length > 0).map(([worker]) => worker);
}

function assign(
  ledger: Ledger,
  parts: readonly number[],
  workers: readonly Incarnation[],
  shares: readonly number[] = workers.map(() => 1),
): Change {
  if (workers.length === 0) return { ledger: { ...ledger, orphans: parts }, assignments: [] };
  const all = shares.reduce((sum, share) => sum + share, 0);
  let given = 0;
  let from = 0;
  const assignments = workers
    .map((worker, i) => {
      given += shares[i] ?? 0;
      // The last takes what is left, whatever rounding has done.
      const to = i === workers.length - 1 ? parts.length : Math.floor((given / all) * parts.length + 1e-9);
      const nodes = nodesOf(parts.slice(from, to), ledger);
      from = to;
      return { worker, nodes };
    })
    .filter(({ nodes }) => nodes.length > 0);
  const owed = new Map(ledger.owed);
  const asked = new Map(ledger.asked);
  for (const { worker, nodes } of assignments) {
    owed.set(worker, [...(owed.get(worker) ?? []), ...nodes]);
    asked.set(worker, [...(asked.get(worker) ?? []), ...nodes]);
  }
  return { ledger: { ...ledger, owed, asked, orphans: [] }, assignments };
}

/** The fewest nodes over some parts; `parts` may have gaps. */
function nodesOf(parts: readonly number[], { grain, parts: all }: Ledger): TreeNode[] {
  if (grain === 'part') return parts.map((part) => ({ from: part, to: part + 1 }));
  const nodes: TreeNode[] = [];
  for (let i = 0; i < parts.length; ) {
    let end = i + 1;
    while (end < parts.length && parts[end] === (parts[end - 1] ?? 0) + 1) end++;
    nodes.push(...coveringNodes(parts[i] ?? 0, (parts[end - 1] ?? 0) + 1, all));
    i = end;
  }
  return nodes;
}

function isSame(a: TreeNode, b: TreeNode): boolean {
  return a.from === b.from && a.to === b.to;
}
