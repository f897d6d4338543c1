import '../../shared/system/debuggerPort.js';
import { DataError, errorMessage } from '../../shared/text/errors.js';
import { convertPart } from './part.js';
import type { PartAnswer, PartTask } from './pool.js';

/** A process that converts parts of data, one after the other, for whoever has started it. */
process.on('message', async ({ source, files }: PartTask) => {
  let answer: PartAnswer = { ok: true };
  try {
    await convertPart(source, files);
  } catch (error) {
    answer = { ok: false, message: errorMessage(error), isDataError: error instanceof DataError };
  }
  process.send?.(answer);
});
process.on('disconnect', () => process.exit());
