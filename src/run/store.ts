import type { Store } from '../coordinator/training/ports.js';
import { layersModelJson, writeModel } from '../formats/tfjs/layersModel.js';
import { exportFormats, writeModelAs } from '../formats/writeModel.js';
import type { RunFolder } from '../runFolder/runFolder.js';
import { bytesOf } from '../shared/numbers/bytesOf.js';
import { version } from '../shared/system/version.js';
import type { OptimizerState } from '../step/update/optimizer.js';
import type { RunEvents } from '../view/tensorboard/runEvents.js';
import type { PreparedRun } from './prepareRun.js';

/**
 * Where a training's results go: into the run's folder and, of what is logged, into the event file for TensorBoard.
 * @param run names it in its checkpoints
 * @param state the optimizer's at present
 */
export function storeOf(
  folder: RunFolder,
  run: string | undefined,
  { plan: { config }, metadata }: PreparedRun,
  events: RunEvents | undefined,
  state: () => OptimizerState,
): Store {
  const modelJson = layersModelJson(config.model, version, metadata);
  const { format } = config.checkpoint;
  /** The best model once more, as Keras's ModelCheckpoint writes it. */
  const writeForKeras = async (format: 'keras-h5' | 'keras', weights: Float32Array): Promise<void> => {
    const { model: spec, optimizer } = config;
    const { weights: present, ...moments } = state();
    const isPresent = Buffer.compare(bytesOf(present), bytesOf(weights)) === 0;
    const model = { spec, weights, metadata, optimizer, state: isPresent ? moments : undefined };
    await writeModelAs(format, folder.file(`best_${exportFormats[format]}`), model);
  };
  return {
    log(entry) {
      folder.log(entry);
      events?.log(entry);
    },
    ...(events && {
      epochEnds: (weights: Float32Array) => events.epochEnds(weights),
      lastGradient: (gradient: Float32Array) => events.lastGradient(gradient),
    }),
    saveCheckpoint(checkpoint) {
      events?.flush();
      return folder.saveCheckpoint({ run, ...checkpoint });
    },
    async saveModel(name, weights) {
      const write = async (): Promise<void> => writeModel(await folder.folder(...name.split('/')), modelJson, weights);
      // Without its final model a run has failed; all others can be had from checkpoints.
      if (name === 'final') await write();
      else await folder.attempt(name, write);
      if (name === 'best' && format !== undefined) {
        await folder.attempt(`best_${exportFormats[format]}`, () => writeForKeras(format, weights));
      }
    },
  };
}
