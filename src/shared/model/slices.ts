import type { Range } from './layout.js';

/** The slices in which a tensor travels, in order and without gaps: one is added up while the next is on its way. */
export type Slices = readonly Range[];

/** Values of a slice at least: 1 MiB, beyond which a message costs little beside its bytes. */
const fewestValues = 262_144;
/** Slices at most: a step that is asked of a newcomer carries all of them in one message. */
export const mostSlices = 64;

/** How all tensors of so many values are cut. Those of workers that share memory do not travel: they are whole. */
export function slicesOf(size: number, isShared: boolean): Slices {
  return cut(size, isShared ? size : Math.max(fewestValues, Math.ceil(size / mostSlices)));
}

/** Slices of so many values, the last of what is left. */
export function cut(size: number, sliceSize: number): Slices {
  const count = Math.max(1, Math.ceil(size / sliceSize));
  return Array.from({ length: count }, (_, i) => {
    const offset = i * sliceSize;
    return { offset, size: Math.min(sliceSize, size - offset) };
  });
}

/** What two ranges have in common; undefined where that is nothing. */
export function overlapOf(a: Range, b: Range): Range | undefined {
  const offset = Math.max(a.offset, b.offset);
  const end = Math.min(a.offset + a.size, b.offset + b.size);
  return offset < end ? { offset, size: end - offset } : undefined;
}
