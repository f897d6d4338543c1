import { test } from 'tap';
import { directionOf, isImprovement } from '../../../../src/coordinator/training/policies/monitor.js';

test('accuracies rise, all else falls, and a mode given wins', (t) => {
  t.same(
    ['loss', 'valLoss', 'accuracy', 'valAccuracy', 'mae', 'valMse'].map((monitor) => directionOf(monitor, 'auto')),
    ['min', 'min', 'max', 'max', 'min', 'min'],
  );
  t.equal(directionOf('valAccuracy', 'min'), 'min');
  t.equal(directionOf('valLoss', 'max'), 'max');
  t.end();
});

test('an improvement is better by more than minDelta', (t) => {
  t.equal(isImprovement(2, 3, 'min', 0), true);
  t.equal(isImprovement(3, 3, 'min', 0), false);
  t.equal(isImprovement(2, 3, 'min', 1), false);
  t.equal(isImprovement(1.75, 3, 'min', 1), true);
  t.equal(isImprovement(4, 3, 'max', 0), true);
  t.equal(isImprovement(3, 3, 'max', 0), false);
  t.equal(isImprovement(4, 3, 'max', 1), false);
  t.equal(isImprovement(4.25, 3, 'max', 1), true);
  t.end();
});

test('any finite figure is better than none', (t) => {
  t.equal(isImprovement(1e300, null, 'min', 5), true);
  t.equal(isImprovement(-1e300, null, 'max', 5), true);
  t.end();
});

test('a figure that is missing or not finite is never better', (t) => {
  for (const value of [undefined, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    for (const direction of ['min', 'max'] as const) {
      t.equal(isImprovement(value, null, direction, 0), false, `${value}, nothing before`);
      t.equal(isImprovement(value, 1, direction, 0), false, `${value}, 1 before`);
    }
  }
  t.end();
});
