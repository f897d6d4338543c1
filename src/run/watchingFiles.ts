import type { Observer } from '../coordinator/training/ports.js';
import type { ReadFile } from '../data/samples/arrayDataset.js';

/** An observer that also sees at each epoch's end whether files that samples are read from have been written to. */
export function watchingFiles(files: readonly ReadFile[], other: Observer, notice: (line: string) => void): Observer {
  let unchanged = files;
  return {
    ...(other.onStep && { onStep: (figures) => other.onStep?.(figures) }),
    onEpoch(figures) {
      const changed = unchanged.filter(({ isChanged }) => isChanged());
      unchanged = unchanged.filter((file) => !changed.includes(file));
      for (const path of new Set(changed.map(({ path }) => path)))
        notice(
          `${path} was changed while the run reads its samples from it: the weights now depend on when each was read; train again with a file that stays as it is`,
        );
      other.onEpoch?.(figures);
    },
  };
}
