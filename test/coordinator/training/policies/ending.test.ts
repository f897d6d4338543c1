import { test } from 'tap';
import { initialStopping } from '../../../../src/coordinator/training/policies/earlyStopping.js';
import { endOf, passedLimits, type Reached } from '../../../../src/coordinator/training/policies/ending.js';
import { parseConfig } from '../../../../src/shared/config/parseConfig.js';

const reached: Reached = { step: 100, epoch: 10, stepInEpoch: 0, stopping: initialStopping, ended: null, epochLoss: 0.4 };
const limitsOf = (given: object) => parseConfig(given, 'test', { cores: 1 });

test('why a training is over, by limits that may have changed', (t) => {
  t.equal(endOf(reached, limitsOf({ epochs: 11 })), null);
  t.equal(endOf(reached, limitsOf({ epochs: 10 })), 'epochs');
  t.equal(endOf({ ...reached, ended: 'epochs' }, limitsOf({ epochs: 11 })), null, 'longer');
  t.equal(endOf(reached, limitsOf({ epochs: 20, steps: 100 })), 'steps');
  t.equal(endOf({ ...reached, ended: 'steps' }, limitsOf({ epochs: 20, steps: 101 })), null);
  t.equal(endOf(reached, limitsOf({ epochs: 20, target: 0.4 })), 'target');
  t.equal(endOf({ ...reached, ended: 'target' }, limitsOf({ epochs: 20, target: 0.39 })), null);
  t.equal(endOf({ ...reached, stepInEpoch: 3 }, limitsOf({ epochs: 20, target: 0.4 })), null, 'a loss counts where an epoch ends');
  const stopped: Reached = { ...reached, ended: 'earlyStopping', stopping: { wait: 5, best: 0.1, bestEpoch: 4 } };
  const patience = (value: number) => limitsOf({ epochs: 20, earlyStopping: { patience: value } });
  t.equal(endOf(stopped, patience(5)), 'earlyStopping');
  t.equal(endOf(stopped, patience(6)), null);
  t.equal(endOf({ ...stopped, ended: null }, patience(5)), null, 'short of a baseline, waiting does not end it');
  t.end();
});

test('limits that are past', (t) => {
  t.same(passedLimits(reached, limitsOf({ epochs: 10, steps: 100 })), []);
  t.same(passedLimits(reached, limitsOf({ epochs: 8 })), ['epochs']);
  t.same(passedLimits(reached, limitsOf({ epochs: 8, steps: 99 })), ['epochs', 'steps']);
  t.same(passedLimits({ ...reached, stepInEpoch: 1 }, limitsOf({ epochs: 10 })), ['epochs'], 'an epoch has begun beyond it');
  t.end();
});
