import { test } from 'tap';
import type { z } from 'zod';
import {
  initialPlateau,
  type PlateauState,
  watchPlateau,
  withCuts,
} from '../../../../src/coordinator/training/policies/reduceOnPlateau.js';
import { plateauSchema } from '../../../../src/shared/config/optimizerSchema.js';

/** States after each epoch; the state goes through JSON in between, as in a checkpoint. */
function statesAfter(given: z.input<typeof plateauSchema>, figures: readonly (number | undefined)[], baseRate: number): PlateauState[] {
  const states: PlateauState[] = [];
  for (const figure of figures) {
    const state = JSON.parse(JSON.stringify(states.at(-1) ?? initialPlateau));
    states.push(watchPlateau(plateauSchema.parse(given), state, figure, baseRate));
  }
  return states;
}

const ratesAfter = (...parameters: Parameters<typeof statesAfter>) => statesAfter(...parameters).map(({ rate }) => rate);

test('cuts the rate after patience epochs without improvement', (t) => {
  t.same(ratesAfter({ patience: 2, factor: 0.5 }, [5, 4, 4, 4, 4, 4, 3, 3], 1), [null, null, null, 0.5, 0.5, 0.25, 0.25, 0.25]);
  t.same(statesAfter({ patience: 2, factor: 0.5 }, [5, 4, 4, 4], 1).at(-1), { rate: 0.5, wait: 0, cooldown: 0, best: 4 });
  t.end();
});

test('an improvement has to be more than minDelta', (t) => {
  t.same(ratesAfter({ patience: 1, factor: 0.5, minDelta: 0.5 }, [5, 4.75, 4.25], 1), [null, 0.5, 0.5]);
  t.end();
});

test('pauses for cooldown epochs, the last of which counts already', (t) => {
  t.same(
    statesAfter({ patience: 2, factor: 0.5, cooldown: 3 }, [5, 5, 5, 5, 5, 5, 5], 1),
    [
      { rate: null, wait: 0, cooldown: 0, best: 5 },
      { rate: null, wait: 1, cooldown: 0, best: 5 },
      { rate: 0.5, wait: 0, cooldown: 3, best: 5 },
      { rate: 0.5, wait: 0, cooldown: 2, best: 5 },
      { rate: 0.5, wait: 0, cooldown: 1, best: 5 },
      { rate: 0.5, wait: 1, cooldown: 0, best: 5 },
      { rate: 0.25, wait: 0, cooldown: 3, best: 5 },
    ],
    'as Keras: the counter falls first, and an epoch at zero waits again',
  );
  t.equal(statesAfter({ patience: 1, cooldown: 3 }, [5, 5, 4], 1).at(-1)?.best, 4, 'an improvement counts in the pause too');
  t.end();
});

test('never goes below minLearningRate, nor cuts there', (t) => {
  const given = { patience: 1, factor: 0.1, minLearningRate: 0.003 };
  t.same(ratesAfter(given, [5, 5, 5, 5, 5], 0.1), [null, 0.1 * 0.1, 0.003, 0.003, 0.003]);
  t.equal(statesAfter(given, [5, 5, 5, 5, 5], 0.1).at(-1)?.wait, 2, 'Keras goes on waiting');
  t.same(ratesAfter(given, [5, 5, 5], 0.001), [null, null, null], 'a base rate under the minimum stays');
  t.end();
});

test('accuracies rise; NaN is no improvement; a missing figure changes nothing', (t) => {
  t.same(ratesAfter({ monitor: 'valAccuracy', patience: 1, factor: 0.5 }, [0.5, 0.6, 0.6], 1), [null, null, 0.5]);
  t.same(ratesAfter({ patience: 1, factor: 0.5 }, [Number.NaN, Number.NaN], 1), [0.5, 0.25]);
  t.same(statesAfter({ patience: 1 }, [undefined, undefined], 1), [initialPlateau, initialPlateau]);
  t.end();
});

test('cuts take the place of the rate of a constant schedule, warm-up and all', (t) => {
  const constant = { schedule: 'constant', initial: 0.1, warmupSteps: 4 } as const;
  t.same(withCuts(constant, { ...initialPlateau, rate: 0.02 }), { ...constant, initial: 0.02 });
  t.same(withCuts(constant, initialPlateau), constant);
  const cosine = { schedule: 'cosineDecay', initial: 0.1, alpha: 0, warmupSteps: 0 } as const;
  t.same(withCuts(cosine, { ...initialPlateau, rate: 0.02 }), cosine);
  t.end();
});
