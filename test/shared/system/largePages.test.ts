import { readFileSync } from 'node:fs';
import { test } from 'tap';
import { preferLargePages } from '../../../src/shared/system/largePages.js';

/** Kilobytes of this process's memory for which large pages were asked. */
function advisedKilobytes(): number {
  const areas = readFileSync('/proc/self/smaps', 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  const advised = areas.filter((area) => /^VmFlags:.*\bhg\b/m.test(area));
  return advised.reduce((sum, area) => sum + Number(/^Size:\s+(\d+)/m.exec(area)?.[1] ?? 0), 0);
}

test('large pages are asked for under large arrays, wherever they start, and what is in them stays', {
  skip: process.platform !== 'linux' && 'large pages are asked for on Linux only',
}, async (t) => {
  const before = advisedKilobytes();
  const array = Buffer.allocUnsafeSlow(2 ** 23).subarray(1_001);
  array.fill(7);
  preferLargePages(array);
  t.ok(advisedKilobytes() - before > 7_900, `${before} kB before, ${advisedKilobytes()} after`);
  t.ok(array.every((byte) => byte === 7));
  preferLargePages(Buffer.allocUnsafeSlow(2 ** 20));
});
