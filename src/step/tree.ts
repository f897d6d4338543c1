/**
 * The fixed shape in which a global batch is cut and its gradient is added up. It depends on nothing but the number
 * of shards, so the sum is bit for bit the same however shards are spread over workers.
 */

/** Shards `from` up to but not including `to`, and the sum over them. */
export interface TreeNode {
  readonly from: number;
  readonly to: number;
}

/** Where shard `shard` of `shards` lies in a batch of `count` samples: [from, to). Empty where a batch is short. */
export function shardRange(shard: number, shards: number, count: number): { from: number; to: number } {
  return { from: Math.floor((shard * count) / shards), to: Math.floor(((shard + 1) * count) / shards) };
}

/** Where a node of two or more shards is split: its left half is the largest power of two below its size. */
export function splitOf({ from, to }: TreeNode): number {
  return from + 2 ** Math.floor(Math.log2(to - from - 1));
}

export function childrenOf(node: TreeNode): [TreeNode, TreeNode] {
  const middle = splitOf(node);
  return [
    { from: node.from, to: middle },
    { from: middle, to: node.to },
  ];
}

/** The fewest nodes of the tree over `shards` shards that cover [from, to) exactly. */
export function coveringNodes(from: number, to: number, shards: number): TreeNode[] {
  const cover = (node: TreeNode): TreeNode[] => {
    if (to <= node.from || node.to <= from) return [];
    if (from <= node.from && node.to <= to) return [node];
    return childrenOf(node).flatMap(cover);
  };
  return from < to ? cover({ from: 0, to: shards }) : [];
}

/** Levels of the tree over `shards` shards: arrays that adding it up from left to right takes. */
export function treeDepth(shards: number): number {
  return Math.ceil(Math.log2(shards)) + 1;
}

/** Is [from, to) a node of the tree over `shards` shards? */
export function isTreeNode({ from, to }: TreeNode, shards: number): boolean {
  const nodes = coveringNodes(from, to, shards);
  return from >= 0 && to <= shards && nodes.length === 1;
}

/**
 * Adds leaves up in the tree's order, asking for them from left to right.
 * @param leaf the value of one shard, or undefined where it is empty: an empty shard is never added
 * @param add may change and return its first argument
 */
export async function sumTree<T>(
  node: TreeNode,
  leaf: (shard: number) => Promise<T | undefined>,
  add: (left: T, right: T) => T,
): Promise<T | undefined> {
  if (node.to - node.from === 1) return leaf(node.from);
  const [left, right] = childrenOf(node);
  const a = await sumTree(left, leaf, add);
  const b = await sumTree(right, leaf, add);
  return a === undefined ? b : b === undefined ? a : add(a, b);
}
