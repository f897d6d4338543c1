import { childrenOf, type TreeNode } from './tree.js';

/** What a node is called in a plan. */
export type NodeName = string;

export function nameOf({ from, to }: TreeNode): NodeName {
  return `${from}-${to}`;
}

/** How the nodes of a tree are added up where some shards are empty: who is added to whom, and what comes of it. */
export class TreePlan {
  /** Of every node that is not empty, but the root: what it becomes a part of, and its other part. */
  readonly #parent = new Map<NodeName, { readonly node: TreeNode; readonly sibling: NodeName }>();
  readonly #node: TreeNode;
  readonly #wanted: ReadonlySet<number>;
  /** What the whole is called; '' where every shard is empty. */
  readonly root: NodeName;

  /** @param wanted the shards that are not empty */
  constructor(root: TreeNode, wanted: ReadonlySet<number>) {
    this.#node = root;
    this.#wanted = wanted;
    this.root = this.#link(root, wanted) ?? '';
  }

  isOf({ from, to }: TreeNode, wanted: ReadonlySet<number>): boolean {
    return from === this.#node.from && to === this.#node.to && wanted === this.#wanted;
  }

  parentOf(name: NodeName): { readonly node: TreeNode; readonly sibling: NodeName } | undefined {
    return this.#parent.get(name);
  }

  /** A node may come under the name of one whose other half is empty: follow it down to the one that counts. */
  find(node: TreeNode): NodeName {
    const name = nameOf(node);
    if (this.#parent.has(name) || name === this.root) return name;
    for (const child of node.to - node.from > 1 ? childrenOf(node) : []) {
      const inner = this.find(child);
      if (inner !== '') return inner;
    }
    return '';
  }

  /** A node with one empty half is the same as its other half, so that it never needs adding. */
  #link(node: TreeNode, wanted: ReadonlySet<number>): NodeName | undefined {
    if (node.to - node.from === 1) return wanted.has(node.from) ? nameOf(node) : undefined;
    const [left, right] = childrenOf(node).map((child) => this.#link(child, wanted));
    if (left === undefined || right === undefined) return left ?? right;
    this.#parent.set(left, { node, sibling: right });
    this.#parent.set(right, { node, sibling: left });
    return nameOf(node);
  }
}
