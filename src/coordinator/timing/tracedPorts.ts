import type { Store, Workers } from '../training/ports.js';
import type { Tracer } from './tracer.js';

/** Workers whose answers a trace shows as waited for. */
export function tracedWorkers(workers: Workers, tracer: Tracer): Workers {
  return {
    ...workers,
    gradients: (batch, ...args) =>
      timed(
        () => workers.gradients(batch, ...args),
        (from, to) => tracer.wait('gradients', from, to, batch.step),
      ),
    evaluate: (split, ...args) =>
      timed(
        () => workers.evaluate(split, ...args),
        (from, to) => tracer.wait(split, from, to),
      ),
  };
}

/** A store whose writes a trace shows. */
export function tracedStore(store: Store, tracer: Tracer): Store {
  return {
    ...store,
    saveCheckpoint: (checkpoint) =>
      timed(
        () => store.saveCheckpoint(checkpoint),
        (from, to) => tracer.span('checkpoint', from, to),
      ),
    saveModel: (name, weights) =>
      timed(
        () => store.saveModel(name, weights),
        (from, to) => tracer.span(`save ${name}`, from, to),
      ),
  };
}

async function timed<T>(work: () => Promise<T>, tell: (from: number, to: number) => void): Promise<T> {
  const from = performance.now();
  try {
    return await work();
  } finally {
    tell(from, performance.now());
  }
}
