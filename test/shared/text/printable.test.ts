import { test } from 'tap';
import { ConfigError, DataError, ProtocolError } from '../../../src/shared/text/errors.js';
import { logLine } from '../../../src/shared/text/logLine.js';
import { printableLine, printableText } from '../../../src/shared/text/printable.js';
import { textTable } from '../../../src/shared/text/textTable.js';

test('what would steer a terminal or forge a line is escaped', async (t) => {
  t.equal(printableLine('a\nb\r\t\u001b[31mc\u009b1m\u202ed\u2028'), 'a\\nb\\r\\t\\u001b[31mc\\u009b1m\\u202ed\\u2028');
  t.equal(printableText('a\n\tb\r\u001b]0;x\u0007'), 'a\n\tb\\r\\u001b]0;x\\u0007');
  t.equal(printableLine('Grüße, 数据, 😀'), 'Grüße, 数据, 😀');
});

test('a log line stays one line', async (t) => {
  t.match(logLine('human', 'worker\n0', 'is gone\n2026 [coordinator] forged'), / \[worker\\n0\] is gone\\n2026 \[coordinator\] forged$/);
  t.notMatch(logLine('json', 'x', '\u202e'), /\u202e/);
});

test('what is wrong with a file stays one line, and so does a cell of a table', async (t) => {
  t.equal(new DataError('x.csv: no column a\nerror: forged').message, 'x.csv: no column a\\nerror: forged');
  t.equal(new ProtocolError('a\u001b[2J').message, 'a\\u001b[2J');
  t.equal(
    textTable([
      ['a\nb', 'c'],
      ['d', 'e'],
    ]),
    'a\\nb  c\nd     e',
  );
});

test('each problem of a config stays on its line', async (t) => {
  const { message } = new ConfigError('f', [{ path: 'a\nb', message: 'c\u001b[2J' }]);
  t.equal(message, 'f: one problem\n  a\\nb: c\\u001b[2J');
});
