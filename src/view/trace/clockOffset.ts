/** An answer as two clocks saw it. */
export interface Exchange {
  /** When it was asked for (-Infinity: not known) and when the answer came, by our clock, in milliseconds. */
  readonly askedAt: number;
  readonly answeredAt: number;
  /** When the other began and ended, by its own clock. */
  readonly startedAt: number;
  readonly endedAt: number;
}

/**
 * What is to be added to another machine's clock to get ours, in milliseconds. Nothing begins before it is asked for or ends
 * after its answer has come: every exchange bounds the offset from both sides, and the narrowest bounds of many leave
 * little more between them than the way of one message. Cristian, "Probabilistic clock synchronization" (1989).
 */
export function clockOffset(exchanges: readonly Exchange[]): number {
  let [least, most] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (const { askedAt, answeredAt, startedAt, endedAt } of exchanges) {
    least = Math.max(least, askedAt - startedAt);
    most = Math.min(most, answeredAt - endedAt);
  }
  if (exchanges.length === 0) return 0;
  return Number.isFinite(least) ? (least + most) / 2 : most;
}
