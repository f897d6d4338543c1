import type { RunFolder } from '../runFolder/runFolder.js';
import { ChromeTrace } from '../view/trace/chromeTrace.js';
import { type TraceRequest, tracedSteps } from '../view/trace/tracedSteps.js';

/** A trace of its own for every time that a run is gone on with. */
export function openTrace(folder: RunFolder, request: TraceRequest, firstStep: number, say: (line: string) => void): ChromeTrace {
  const path = folder.file(firstStep === 0 ? 'trace.json' : `trace-${firstStep}.json`);
  return new ChromeTrace(path, tracedSteps(request, firstStep), firstStep, say);
}

/** Opens something; where that fails, the trace ends. */
export function orEnd<T>(tracer: ChromeTrace | undefined, open: () => T): T {
  try {
    return open();
  } catch (error) {
    tracer?.close();
    throw error;
  }
}
