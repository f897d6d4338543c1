import { isAggregator, type Member } from './roster.js';
import type { Branch, Tickets } from './tickets.js';

export interface BranchesOptions {
  /** `star`: workers stay; `tree`: they go below any aggregator; `auto`: only below one on their own host. */
  readonly topology: 'auto' | 'star' | 'tree';
  /** Are aggregators on their way? Else, with `auto`, nobody waits for the first. */
  readonly expects?: boolean;
  /** Aggregators that stand below one node at most; further ones stand below those. */
  readonly fanIn: number;
  /** Milliseconds that a worker waits for an aggregator of its own host. */
  readonly patience?: number;
}

/** Moves in a row that led nowhere, after which a peer stays: its way may be closed. */
const mostMisses = 4;

/** Where a peer goes: out of the tree, to its top, below a branch, or it waits for one. `isLost`: it has found no way to any. */
export type Place = { readonly isLost?: boolean } & (
  | { readonly kind: 'outside' | 'top' | 'waits' }
  | { readonly kind: 'below'; readonly branch: Branch }
);

export function placeOf(member: Member, tickets: Tickets, options: BranchesOptions): Place {
  const { topology, expects = false, fanIn } = options;
  const isWorker = !isAggregator(member);
  const isStar = topology === 'star' || (topology === 'auto' && !expects && tickets.all.length === 0);
  if (isWorker && isStar) return { kind: 'outside' };
  if ((member.hello.misses ?? 0) >= mostMisses) return { kind: isWorker ? 'outside' : 'top', isLost: true };
  const branch = branchFor(member, tickets, options);
  if (branch) return { kind: 'below', branch };
  return { kind: !isWorker && tickets.peers.size < fanIn ? 'top' : 'waits' };
}

/** For a worker its host's branch, and for an aggregator one down where there are enough at the top; undefined where there is none. */
export function branchFor(member: Member, tickets: Tickets, { fanIn }: BranchesOptions): Branch | undefined {
  if (!isAggregator(member)) return tickets.leastLoaded(member.hello.host);
  return tickets.peers.size >= fanIn ? tickets.shallowest(fanIn) : undefined;
}

/** For who has waited long enough. */
export function lastResort(member: Member, tickets: Tickets, { topology }: BranchesOptions): Branch | undefined {
  return !isAggregator(member) && topology === 'tree' ? tickets.leastLoaded() : undefined;
}
