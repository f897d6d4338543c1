import type { Place } from './layout.js';

/** The parts in which a tensor travels, in order and without gaps: one is added up while the next is on its way. */
export type Partition = readonly Place[];

/** Values of a part at least: 1 MiB, beyond which a message costs little beside its bytes. */
const fewestValues = 262_144;
/** Parts at most: a step that is asked of a newcomer carries all of them in one message. */
export const mostParts = 64;

/** How all tensors of so many values are cut. Those of workers that share memory do not travel: they are whole. */
export function partitionOf(size: number, isShared: boolean): Partition {
  return cut(size, isShared ? size : Math.max(fewestValues, Math.ceil(size / mostParts)));
}

/** Parts of so many values, the last of what is left. */
export function cut(size: number, partSize: number): Partition {
  const count = Math.max(1, Math.ceil(size / partSize));
  return Array.from({ length: count }, (_, i) => {
    const offset = i * partSize;
    return { offset, size: Math.min(partSize, size - offset) };
  });
}

/** What two places have in common; undefined where that is nothing. */
export function overlapOf(a: Place, b: Place): Place | undefined {
  const offset = Math.max(a.offset, b.offset);
  const end = Math.min(a.offset + a.size, b.offset + b.size);
  return offset < end ? { offset, size: end - offset } : undefined;
}
