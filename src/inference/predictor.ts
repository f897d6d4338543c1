import '../shared/system/debuggerPort.js';
import { errorMessage } from '../shared/text/errors.js';
import { Model } from './model.js';
import type { PredictorAnswer, PredictorRequest } from './predictorPool.js';

let model: Promise<Model> | undefined;

async function answerTo(request: PredictorRequest): Promise<PredictorAnswer> {
  if (request.kind === 'open') {
    const { folder, spec, weights, choice } = request;
    const unused = { loss: undefined, metrics: [], preparation: undefined, classes: undefined, schema: undefined, config: undefined };
    model = Model.open({ folder, spec, weights, ...unused }, choice);
    return { kind: 'opened', engine: (await model).engine };
  }
  const opened = await model;
  if (!opened) throw new Error('asked for predictions before there is a model');
  return { kind: 'predicted', outputs: await opened.predict(request.inputs) };
}

/** A process that computes what a model gives, batch by batch, for whoever has started it. */
process.on('message', async (request: PredictorRequest) => {
  const answer = await answerTo(request).catch((error: unknown) => ({ kind: 'failed', message: errorMessage(error) }) as const);
  // Where nobody is there to be answered any more.
  process.send?.(answer, undefined, undefined, (error) => error && process.exit());
});
process.on('disconnect', () => process.exit());
