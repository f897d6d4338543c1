/** Milliseconds since 1970 that never go back or jump: the monotonic clock, from where this process began. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
