import type { RunFolder } from '../coordinator/runFolder.js';
import type { Store } from '../coordinator/train.js';
import { divisorOf } from '../data/normalize.js';
import { layersModelJson, writeModel } from '../formats/tfjs/layersModel.js';
import type { Config } from '../shared/config/schema.js';
import { version } from '../shared/version.js';
import type { RunEvents } from '../view/tensorboard/runEvents.js';

/** Where a training's results go: into the run's folder and, of what is logged, into the event file for TensorBoard. */
export function storeOf(folder: RunFolder, config: Config, events: RunEvents | undefined): Store {
  const divide = divisorOf(config.data);
  const { loss, metrics } = config;
  const modelJson = layersModelJson(config.model, version, { loss, metrics, ...(divide === undefined ? {} : { normalize: { divide } }) });
  return {
    log(entry) {
      folder.log(entry);
      events?.log(entry);
    },
    ...(events && { epochEnds: (...args: Parameters<RunEvents['epochEnds']>) => events.epochEnds(...args) }),
    saveCheckpoint(checkpoint) {
      events?.flush();
      return folder.saveCheckpoint(checkpoint);
    },
    async saveModel(name, weights) {
      const write = (): Promise<void> => writeModel(folder.file(...name.split('/')), modelJson, weights);
      // Without its final model a run has failed; all others can be had from checkpoints.
      if (name === 'final') await write();
      else await folder.attempt(name, write);
    },
  };
}
