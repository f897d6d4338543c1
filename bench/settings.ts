/** What is measured: a network and a global batch, over two workers. */
export interface Setting {
  readonly hidden: readonly number[];
  readonly batchSize: number;
  /** Steps of one of our runs. At small batches long enough that denormals, garbage collection and heat would show. */
  readonly steps: number;
  /** Steps of one of the others' runs, after twenty to warm up. */
  readonly peerSteps: number;
}

export const settings: readonly Setting[] = [
  { hidden: [128], batchSize: 32, steps: 6_000, peerSteps: 2_000 },
  { hidden: [128], batchSize: 256, steps: 4_000, peerSteps: 1_000 },
  { hidden: [128], batchSize: 1_024, steps: 4_000, peerSteps: 500 },
  { hidden: [128], batchSize: 2_048, steps: 3_000, peerSteps: 300 },
  { hidden: [1_024, 1_024], batchSize: 256, steps: 300, peerSteps: 60 },
  { hidden: [4_096, 4_096], batchSize: 256, steps: 40, peerSteps: 20 },
];

export function nameOf({ hidden, batchSize }: Setting): string {
  return `${[784, ...hidden, 10].join('-')} at ${batchSize}`;
}

export function parametersOf({ hidden }: Pick<Setting, 'hidden'>): number {
  const units = [784, ...hidden, 10];
  return units.slice(1).reduce((sum, width, i) => sum + width * ((units[i] ?? 0) + 1), 0);
}
