import { test } from 'tap';
import { asRunName } from '../../../src/shared/config/runName.js';

test('a name of a file as the start of the name of a run', async (t) => {
  t.equal(asRunName('article'), 'article');
  t.equal(asRunName('n'.repeat(240)), 'n'.repeat(200));
  // Three bytes a character: the last one would be cut in two.
  t.equal(asRunName('配'.repeat(80)), '配'.repeat(66));
});
