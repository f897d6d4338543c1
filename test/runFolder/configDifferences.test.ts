import { test } from 'tap';
import { differencesOf, showBoth } from '../../src/runFolder/configDifferences.js';

test('differences are leaves', (t) => {
  t.same(differencesOf({ a: { b: 1, c: [1, { d: 2 }] }, e: 5 }, { a: { b: 1, c: [1, { d: 3 }] }, e: 5 }), [
    { path: 'a.c[1].d', before: 2, after: 3 },
  ]);
  t.same(differencesOf({ a: ['x'] }, { a: ['x', { b: 1 }] }), [{ path: 'a[1]', before: undefined, after: { b: 1 } }]);
  t.same(differencesOf({ a: 0.1 }, { a: { schedule: 'cosineDecay' } }), [{ path: 'a', before: 0.1, after: { schedule: 'cosineDecay' } }]);
  t.same(differencesOf({ a: undefined }, {}), [], 'a key without a value is none');
  t.same(differencesOf({ a: [1, 2], b: null }, { a: [1, 2], b: null }), []);
  t.end();
});

test('two long values never look the same', (t) => {
  const [start, end] = ['a'.repeat(80), 'c'.repeat(80)];
  t.same(showBoth(`${start}X${end}`, `${start}Y${end}`), [
    `...${'a'.repeat(20)}X${'c'.repeat(39)}...`,
    `...${'a'.repeat(20)}Y${'c'.repeat(39)}...`,
  ]);
  t.same(showBoth(start, `${start}b`), [`...${'a'.repeat(20)}"`, `...${'a'.repeat(20)}b"`]);
  t.same(showBoth(undefined, 5), ['nothing', '5']);
  t.same(showBoth(1, '1'), ['1', '"1"']);
  t.end();
});
