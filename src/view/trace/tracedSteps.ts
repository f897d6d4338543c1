import { UsageError } from '../../shared/text/errors.js';

/** Steps [from, to) that are traced. */
export interface TracedSteps {
  readonly from: number;
  readonly to: number;
}

/** What a user asks for: these steps, or so many from the first that is taken on. */
export type TraceRequest = TracedSteps | { readonly count: number };

/** A trace of these opens at once. */
const usualCount = 2_000;

/**
 * `500`, `1000-1200` (both of them too), or nothing.
 * @param flag names it in messages
 * @throws UsageError
 */
export function traceRequest(flag: string, text: string): TraceRequest {
  if (text === '') return { count: usualCount };
  const [, first, last] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  if (first !== undefined && last === undefined && Number(first) > 0) return { count: Number(first) };
  if (last !== undefined && Number(first) <= Number(last)) return { from: Number(first), to: Number(last) + 1 };
  throw new UsageError(`${flag}: expected a number of steps such as 500, or steps such as 1000-1200, got ${text}`);
}

export function tracedSteps(request: TraceRequest, firstStep: number): TracedSteps {
  return 'count' in request ? { from: firstStep, to: firstStep + request.count } : request;
}
