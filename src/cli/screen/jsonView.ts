import type { RunObserver } from '../../run/runPorts.js';
import { logLine } from '../../shared/text/logLine.js';
import { wordsOf } from './conversionBar.js';

/** Milliseconds between two lines within an epoch. */
const stepInterval = 10_000;

/** Tells of a run on a stream, one JSON object a line: time, source, message, and the figures that belong to it. */
export function jsonView(stream: NodeJS.WritableStream): RunObserver & { close(): void } {
  let saidAt = performance.now();
  const say = (message: string, more: object = {}): void => {
    saidAt = performance.now();
    stream.write(`${logLine('json', 'coordinator', message, { ...more })}\n`);
  };
  return {
    onListening: (listening) => say('listening', listening),
    onConverting({ source, done, total }) {
      const words = wordsOf(source);
      if (done === 0 || done === total) say(done === 0 ? words.doing : words.did, { source, parts: total });
    },
    onNotice: (line) => say(line),
    onWorkerLine: (name, line) => void stream.write(`${logLine('json', name, line)}\n`),
    onStart: (info) => say('start', info),
    onStep(figures) {
      if (performance.now() - saidAt >= stepInterval) say('step', figures);
    },
    onEpoch: (figures) => say('epoch', figures),
    close: () => undefined,
  };
}
