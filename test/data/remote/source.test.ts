import { test } from 'tap';
import { isSameVersion, type Version } from '../../../src/data/remote/source.js';

test('two versions are the same by a mark that both have, and by their size alone only where neither has one', (t) => {
  const version = (size?: number, etag?: string, modified?: string): Version => ({ size, etag, modified });
  const [one, other] = ['Fri, 27 Nov 2026 10:00:00 GMT', 'Fri, 27 Nov 2026 10:00:01 GMT'];
  for (const [a, b, isSame] of [
    [version(1, '"a"', one), version(1, 'W/"a"', other), true],
    [version(1, '"a"', one), version(1, '"b"', one), false],
    [version(1, '"a"', one), version(1, undefined, one), true],
    [version(1, '"a"', one), version(1, undefined, other), false],
    [version(1, '"a"'), version(undefined, '"a"'), true],
    [version(1, '"a"'), version(2, '"a"'), false],
    [version(1, '"a"'), version(1, undefined, one), false],
    [version(1, '"a"'), version(1), false],
    [version(1), version(1, undefined, one), false],
    [version(1), version(1), true],
    [version(1), version(), true],
    [version(1), version(2), false],
  ] as const) {
    t.equal(isSameVersion(a, b), isSame, JSON.stringify([a, b]));
    t.equal(isSameVersion(b, a), isSame);
  }
  t.end();
});
