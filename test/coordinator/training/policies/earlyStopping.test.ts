import { readFileSync } from 'node:fs';
import { test } from 'tap';
import { z } from 'zod';
import { initialStopping, type StoppingVerdict, watchEpoch } from '../../../../src/coordinator/training/policies/earlyStopping.js';
import { earlyStoppingSchema } from '../../../../src/shared/config/optimizerSchema.js';

const options = (given: z.input<typeof earlyStoppingSchema>) => earlyStoppingSchema.parse(given);

/** Verdicts of the epochs up to the one that stops; the state goes through JSON in between, as in a checkpoint. */
function verdicts(given: z.input<typeof earlyStoppingSchema>, figures: readonly (number | undefined)[]): StoppingVerdict[] {
  const seen: StoppingVerdict[] = [];
  for (const [epoch, figure] of figures.entries()) {
    const state = JSON.parse(JSON.stringify(seen.at(-1)?.state ?? initialStopping));
    seen.push(watchEpoch(options(given), state, epoch, figure));
    if (seen.at(-1)?.shouldStop) break;
  }
  return seen;
}

const bestEpochs = (given: z.input<typeof earlyStoppingSchema>, figures: readonly (number | undefined)[]) =>
  verdicts(given, figures).flatMap(({ isBest }, epoch) => (isBest ? [epoch] : []));

/** What Keras 3.15 did with some validation losses; see the README of the golden values. */
const goldenCases = z.array(
  z.strictObject({
    val_loss: z.array(z.custom<number>((value) => typeof value === 'number')),
    options: z.strictObject({
      patience: z.number(),
      min_delta: z.number().optional(),
      start_from_epoch: z.number().optional(),
      baseline: z.number().optional(),
    }),
    epochs_run: z.number(),
    stopped_early: z.boolean(),
    best_epoch: z.number(),
    best: z.number(),
  }),
);
const golden = goldenCases.parse(JSON.parse(readFileSync('test/golden/early-stopping.json', 'utf8')));

for (const [i, { val_loss, options: keras, ...expected }] of golden.entries()) {
  test(`as Keras, case ${i}: ${val_loss.join(' ')} with ${JSON.stringify(keras)}`, (t) => {
    const { patience, min_delta: minDelta, start_from_epoch: startFromEpoch, baseline } = keras;
    for (const restoreBestWeights of [false, true]) {
      const run = verdicts({ patience, minDelta, startFromEpoch, baseline, restoreBestWeights }, val_loss);
      const last = run.at(-1);
      t.same(
        { epochs_run: run.length, stopped_early: last?.shouldStop, best_epoch: last?.state.bestEpoch, best: last?.state.best },
        expected,
        `restoreBestWeights ${restoreBestWeights}`,
      );
    }
    t.end();
  });
}

test('an accuracy has to rise', (t) => {
  t.same(bestEpochs({ monitor: 'valAccuracy', patience: 2 }, [0.5, 0.6, 0.55, 0.7, 0.7, 0.6, 0.9]), [0, 1, 3]);
  t.equal(verdicts({ monitor: 'valAccuracy', patience: 2 }, [0.5, 0.6, 0.55, 0.7, 0.7, 0.6, 0.9]).length, 6);
  t.end();
});

test('NaN is waited for like any figure that is no better, and a missing one changes nothing', (t) => {
  t.equal(verdicts({ patience: 2 }, [5, Number.NaN, Number.NaN, 1]).length, 3);
  t.equal(verdicts({ patience: 2 }, [5, undefined, undefined, undefined, 6, 6]).length, 6);
  t.end();
});

test('NaN from the first epoch on stops after patience, without a best', (t) => {
  const run = verdicts({ patience: 3 }, [Number.NaN, Number.NaN, Number.NaN, Number.NaN]);
  t.same(run.at(-1), { state: { wait: 3, best: null, bestEpoch: null }, shouldStop: true, isBest: false });
  t.equal(run.length, 3);
  t.end();
});

test('with restoreBestWeights the first epoch watched is kept whatever its figure', (t) => {
  t.same(bestEpochs({ patience: 9, restoreBestWeights: true }, [Number.NaN, Number.NaN, 3, 4, 2]), [0, 2, 4]);
  t.same(bestEpochs({ patience: 9, restoreBestWeights: true, startFromEpoch: 2 }, [1, 1, Number.NaN, 5]), [2, 3]);
  t.same(bestEpochs({ patience: 9 }, [Number.NaN, Number.NaN, 3]), [2]);
  t.end();
});

test('the wait goes on until the baseline is passed', (t) => {
  const given = { patience: 3, baseline: 3 };
  t.same(
    verdicts(given, [5, 4, 2, 2, 2, 2]).map(({ state }) => state.wait),
    [1, 2, 0, 1, 2, 3],
  );
  t.equal(verdicts(given, [5, 4, 3.5, 3.4, 3.4]).length, 5, 'improvements short of it never stop the run by themselves');
  t.end();
});
