import type { Schedule } from '../shared/config/optimizerSchema.js';
import type { TrainingLength } from '../shared/config/trainingLength.js';

/** How the learning rate follows the global batch: not at all, with it (Goyal et al. 2017), or with its root. */
export const rules = ['none', 'linear', 'sqrt'] as const;
export type Rule = (typeof rules)[number];

/** What a scaling experiment goes over. */
export interface GridSpec {
  /** Global batches; with `weak`, what each worker gets. */
  readonly batchSizes: readonly number[];
  readonly workers: readonly number[];
  readonly rules: readonly Rule[];
  /** Tried at every batch in place of rules. Empty: the rules. */
  readonly learningRates: readonly number[];
  readonly seeds: number;
  readonly sweep: 'strong' | 'weak';
  /** The batch that the config's learning rate is for. */
  readonly referenceBatch: number;
  /** Epochs over which a rate above the config's is first reached. */
  readonly warmupEpochs: number;
}

/** What sets one curve apart from another: a rule, or a learning rate that was tried. */
export type Variant = Rule | `rate ${number}`;

/** A training from start to end. */
export interface Training {
  readonly kind: 'training';
  readonly name: string;
  readonly batchSize: number;
  readonly variant: Variant;
  readonly seed: number;
  readonly workers: number;
}

/** Some steps that are only timed. */
export interface Timing {
  readonly kind: 'timing';
  readonly name: string;
  readonly batchSize: number;
  readonly workers: number;
}

export type Cell = Training | Timing;

/** Every training once a seed, with the most workers that its batch is for; and each number of workers timed. */
export function cellsOf(spec: GridSpec): Cell[] {
  const { sweep, rules, learningRates, seeds } = spec;
  const variants: readonly Variant[] = learningRates.length > 0 ? learningRates.map((rate) => `rate ${rate}` as const) : rules;
  const workers = [...new Set(spec.workers)].sort((a, b) => a - b);
  const sizes = [...new Set(spec.batchSizes)].sort((a, b) => a - b);
  // With a fixed local batch the global one grows with the workers; the same one may come about twice.
  const pairs = sizes.flatMap((size) => workers.map((count) => ({ batchSize: sweep === 'weak' ? size * count : size, workers: count })));
  const most = new Map<number, number>();
  for (const { batchSize, workers } of pairs) most.set(batchSize, Math.max(workers, most.get(batchSize) ?? 0));
  const timings = pairs.map((pair): Timing => ({ kind: 'timing', name: `time-b${pair.batchSize}-w${pair.workers}`, ...pair }));
  const trainings = [...most].flatMap(([batchSize, workers]) =>
    variants.flatMap((variant) =>
      Array.from({ length: seeds }, (_, i): Training => {
        // At the reference batch all rules are one: that is trained once.
        const own = batchSize === spec.referenceBatch && learningRates.length === 0 ? 'none' : variant;
        const name = `b${batchSize}-${own.replaceAll(/[^\w.-]/g, '-')}-s${i + 1}`;
        return { kind: 'training', name, batchSize, variant, seed: i + 1, workers };
      }),
    ),
  );
  return [...distinct(timings), ...trainings];
}

/** The cells that are runs of their own: at the reference batch the trainings of all rules are one. */
export function distinct<C extends Cell>(cells: readonly C[]): C[] {
  return [...new Map(cells.map((cell) => [cell.name, cell])).values()];
}

/** Shards of every cell: the same, so that only the batch makes a difference, and enough for all workers. */
export function shardsFor({ workers }: Pick<GridSpec, 'workers'>): number {
  return Math.max(4, 2 ** Math.ceil(Math.log2(Math.max(...workers))));
}

/**
 * The learning rate of a cell.
 * @param base the config's, meant for the reference batch
 * @param length of a training with the cell's batch
 */
export function rateFor(
  base: Schedule,
  { batchSize, variant }: Pick<Training, 'batchSize' | 'variant'>,
  spec: GridSpec,
  length: TrainingLength,
): Schedule {
  if (variant.startsWith('rate ')) return { schedule: 'constant', initial: Number(variant.slice('rate '.length)), warmupSteps: 0 };
  const factor = factorOf(variant, batchSize / spec.referenceBatch);
  const warmupSteps = factor > 1 ? Math.max(base.warmupSteps, warmupOf(spec, length)) : base.warmupSteps;
  switch (base.schedule) {
    case 'piecewiseConstant':
      return { ...base, values: base.values.map((value) => value * factor), warmupSteps };
    case 'polynomialDecay':
      return { ...base, initial: base.initial * factor, end: base.end * factor, warmupSteps };
    default:
      return { ...base, initial: base.initial * factor, warmupSteps };
  }
}

function factorOf(variant: Variant, ratio: number): number {
  return variant === 'linear' ? ratio : variant === 'sqrt' ? Math.sqrt(ratio) : 1;
}

/** Steps of the warm-up: half of a training that would be over before its end. */
function warmupOf(spec: GridSpec, length: TrainingLength): number {
  return endsInWarmup(spec, length) ? length.totalSteps >> 1 : warmupAsked(spec, length);
}

function warmupAsked({ warmupEpochs }: GridSpec, { stepsPerEpoch }: TrainingLength): number {
  return Math.round(warmupEpochs * stepsPerEpoch);
}

/** Would a training be over before its rate is what the rule asks for? */
function endsInWarmup(spec: GridSpec, length: TrainingLength): boolean {
  return warmupAsked(spec, length) >= length.totalSteps;
}

/**
 * What a person should know of the warm-up: one line, or nothing.
 * @param lengthOf the length of a training with some batch
 */
export function warmupNotes(cells: readonly Cell[], spec: GridSpec, lengthOf: (batchSize: number) => TrainingLength): string[] {
  const isShort = ({ batchSize, variant }: Training): boolean =>
    factorOf(variant, batchSize / spec.referenceBatch) > 1 && endsInWarmup(spec, lengthOf(batchSize));
  const short = cells.filter((cell) => cell.kind === 'training').filter(isShort);
  if (short.length === 0) return [];
  const sizes = [...new Set(short.map(({ batchSize }) => batchSize))];
  return [
    `a warm-up of ${spec.warmupEpochs} epochs is as long as the training or longer (batch ${sizes.join(', ')}): it is shortened to half of the training; set --warmup-epochs, or train longer`,
  ];
}
