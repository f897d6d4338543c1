import { setImmediate as turn } from 'node:timers/promises';
import type { BatchReader } from '../../data/samples/batch.js';
import type { Engine } from '../../engines/engine.js';
import type { FromWorker, Message } from '../../shared/protocol/protocol.js';
import { now } from '../../shared/system/clock.js';
import { ProtocolError } from '../../shared/text/errors.js';

/** What evaluates chunks of a split of the data. */
export interface Evaluator {
  readonly engine: Engine;
  readonly readers: ReadonlyMap<'validation' | 'test', BatchReader>;
  /** Samples of a chunk. */
  readonly chunkSize: number;
}

/** Answers with the sums of each chunk that is asked for. @throws ProtocolError for one that does not exist */
export async function evaluateChunks(
  { engine, readers, chunkSize }: Evaluator,
  { work, split, chunks }: Pick<Message<'evaluate'>, 'work' | 'split' | 'chunks'>,
  weights: Float32Array,
  send: (message: FromWorker) => void,
): Promise<void> {
  await engine.keepWeights?.(weights);
  const reader = readers.get(split);
  if (!reader) throw new ProtocolError(`asked to evaluate the ${split} split, which this run does not have`);
  for (const chunk of chunks) {
    const first = chunk * chunkSize;
    const count = Math.min(chunkSize, reader.dataset.count - first);
    if (count <= 0) throw new ProtocolError(`asked for chunk ${chunk} of the ${split} split, which has ${reader.dataset.count} samples`);
    await reader.dataset.fetch?.(Int32Array.from({ length: count }, (_, i) => first + i));
    const startedAt = now();
    reader.fillRange(first, count);
    const { inputs, targets, sampleWeights } = reader;
    const { loss, metrics } = await engine.evaluate({ count, inputs, targets, sampleWeights, masks: [] }, weights);
    const sums = { count, loss, metrics: [...metrics], squaredNorm: 0 };
    send({ type: 'evaluation', work, chunk, sums, startedAt, computeMs: now() - startedAt });
    // An engine that waits for nothing would keep signals and the coordinator's end waiting for all chunks.
    await turn();
  }
}
