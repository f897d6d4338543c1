import type { Trained, Trainer } from './trainedBy.js';

/** What is trained to compare two checkouts: between them, all that decides about weights. */

export interface Comparison {
  readonly name: string;
  /** Trains a run of this name with both checkouts. */
  readonly train: (other: Trainer, own: Trainer, run: string) => Promise<void>;
  /** Did the run come to what it is here for? Where that follows from its numbers. */
  readonly covers?: (trained: Trained) => boolean;
  /** An engine that need not be there. */
  readonly needs?: 'tensorflow';
}

/** Both do the same, one after the other. */
function inTurn(train: (trainer: Trainer, run: string) => Promise<void>): Comparison['train'] {
  return async (other, own, run) => {
    await train(other, run);
    await train(own, run);
  };
}

const take = (samples: number): readonly string[] => ['--data', `{ name: mnist, take: ${samples} }`];

function up(name: string, flags: readonly string[], covers?: (trained: Trained) => boolean): Comparison {
  return { name, train: inTurn((trainer, run) => trainer.train(run, flags)), ...(covers && { covers }) };
}

const stateful = `{ inputShape: [28, 28], layers: [flatten,
  { dense: { units: 64, activation: relu } }, { dropout: 0.3 }, { dense: { units: 10, activation: softmax } }] }`;

/** All that has state which a checkpoint must hold. Far more steps than are done before it is interrupted. */
const interrupted: readonly string[] = [
  ...take(2_000),
  ...['--model', stateful, '--optimizer', '{ name: sgd, momentum: 0.9, learningRate: 0.02 }'],
  ...['--engine', 'blas', '--epochs', '20', '--batch-size', '16', '--workers', '2'],
  ...['--early-stopping-patience', '15', '--early-stopping-restore-best-weights', 'true', '--reduce-on-plateau-patience', '2'],
];
const stepsBefore = 300;

const regularised = `{ inputShape: [28, 28], layers: [flatten,
  { dense: { units: 32, activation: relu, kernelRegularizer: { l2: 0.001 } } }, { dropout: 0.4 }, { dense: { units: 10, activation: softmax } }] }`;

export const comparisons: readonly Comparison[] = [
  up('blas adam clipNorm shm', [
    ...take(2_000),
    ...['--model', '784-64-32-10', '--engine', 'blas', '--optimizer', '{ name: adam, clipNorm: 0.5 }'],
    ...['--epochs', '2', '--workers', '2', '--transport', 'shm'],
  ]),
  up('blas sgd globalClipNorm bf16 socket', [
    ...take(2_000),
    ...['--model', '784-32-10', '--engine', 'blas', '--compression', 'bf16'],
    ...['--optimizer', '{ name: sgd, learningRate: 0.05, momentum: 0.9, nesterov: true, globalClipNorm: 1 }'],
    ...['--epochs', '2', '--workers', '4', '--transport', 'socket'],
  ]),
  up('onnx rmsprop fp16 socket', [
    ...take(2_000),
    ...['--model', '784-32-10', '--engine', 'onnx', '--device', 'cpu', '--compression', 'fp16'],
    ...['--optimizer', '{ name: rmsprop, momentum: 0.5 }', '--epochs', '1', '--workers', '2', '--transport', 'socket'],
  ]),
  up('reference adamw cosine', [
    ...take(600),
    ...['--model', '784-8-10', '--engine', 'reference', '--epochs', '2', '--workers', '1'],
    ...['--optimizer', '{ name: adamw, learningRate: { schedule: cosineDecay, initial: 0.005, warmupSteps: 5 } }'],
  ]),
  {
    ...up('tensorflow adam', [
      ...take(2_000),
      ...['--model', '784-32-10', '--engine', 'tensorflow', '--device', 'cpu', '--epochs', '1', '--workers', '2'],
    ]),
    needs: 'tensorflow',
  },
  up('dropout L2 classWeights blocks', [
    ...['--data', '{ name: mnist, take: 2000, classWeights: balanced }', '--model', regularised],
    ...['--engine', 'blas', '--epochs', '2', '--workers', '2', '--shards', '8', '--shuffle', 'blocks'],
  ]),
  up(
    'early stopping, plateau',
    [
      ...take(600),
      ...[
        '--model',
        '784-32-10',
        '--engine',
        'blas',
        '--optimizer',
        '{ name: adam, learningRate: 0.03 }',
        '--epochs',
        '60',
        '--workers',
        '1',
      ],
      ...['--early-stopping-patience', '4', '--early-stopping-restore-best-weights', 'true', '--reduce-on-plateau-patience', '1'],
    ],
    ({ epochs, steps }) => epochs < 60 && new Set(steps.map(({ learningRate }) => learningRate)).size > 1,
  ),
  up('checkpoints every 7 of 40 steps', [
    ...take(1_000),
    ...['--model', '784-32-10', '--engine', 'onnx', '--device', 'cpu', '--steps', '40', '--workers', '2'],
    ...['--checkpoint-every', '7', '--checkpoint-save-best-only', 'false'],
  ]),
  {
    name: 'stopped and resumed',
    train: inTurn(async (trainer, run) => {
      await trainer.trainUntil(run, stepsBefore, interrupted);
      await trainer.resume(run);
    }),
  },
  {
    name: 'tree of aggregators',
    train: inTurn((trainer, run) =>
      trainer.trainTree(run, [...take(600), '--model', '784-8-10', '--engine', 'reference', '--epochs', '2', '--shards', '8']),
    ),
  },
  {
    name: 'stopped by the other, resumed by each',
    async train(other, own, run) {
      await other.trainUntil(run, stepsBefore, interrupted);
      own.copy(run, other);
      await other.resume(run);
      await own.resume(run);
    },
  },
];
