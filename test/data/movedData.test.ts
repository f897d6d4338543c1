import { join } from 'node:path';
import { test } from 'tap';
import { moveAdvice, ofRun } from '../../src/data/movedData.js';
import { parseConfig } from '../../src/shared/config/parseConfig.js';
import { fileSize } from '../../src/shared/files/readFile.js';

test('data that have moved with their run are found beside it', async (t) => {
  const b = t.testdir({ runs: { r: {} }, 'x.npy': '', sets: { 'y.npy': '' } });
  const given = { x: '/old/a/x.npy', y: '/old/a/sets/y.npy', test: { x: '/old/t.npy', y: '/old/u.npy' }, normalize: 'standardize' };
  const { data } = parseConfig({ data: given }, 'test', { cores: 1 });
  const advice = moveAdvice(join(b, 'runs', 'r'), data);
  t.match(
    advice,
    `--data '{ x: ${join(b, 'x.npy')}, y: ${join(b, 'sets', 'y.npy')}, test: { x: NEW_FOLDER/t.npy, y: NEW_FOLDER/u.npy } }'`,
  );
  const loading = (async () => fileSize('/old/a/x.npy'))();
  await t.rejects(ofRun(loading, b, data), { name: 'DataError', message: /^\/old\/a\/x\.npy: no such file; the run's config names it\. / });
  await t.rejects(ofRun(Promise.reject(new Error('other')), b, data), { message: 'other' });
});
