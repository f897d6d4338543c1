import { test } from 'tap';
import { readYaml } from '../../../src/shared/config/yaml.js';

test('a text that stands for more than it says', async (t) => {
  const levels = ['a: &a [x, x, x, x, x, x, x, x, x]'];
  for (const [i, name] of [...'bcdefghi'].entries())
    levels.push(`${name}: &${name} [${new Array(9).fill(`*${'abcdefgh'[i]}`).join(', ')}]`);
  const cases = {
    'batchSize: &a [*a]': /within its own anchor/,
    'data: &a { validation: *a }': /within its own anchor/,
    [levels.join('\n')]: /expand to very many values/,
    [`data: ${'['.repeat(20_000)}${']'.repeat(20_000)}`]: /at most 64 levels/,
    [`data: ${'['.repeat(70)}${']'.repeat(70)}`]: /at most 64 levels/,
    'a: [': /Flow sequence/,
  };
  for (const [text, message] of Object.entries(cases)) t.throws(() => readYaml(text), { name: 'YamlError', message }, text.slice(0, 40));
});

test('aliases that are used as they should', async (t) => {
  t.same(readYaml('a: &a { units: 3 }\nb: [*a, *a]\n'), { a: { units: 3 }, b: [{ units: 3 }, { units: 3 }] });
  t.equal(readYaml(''), null);
});
