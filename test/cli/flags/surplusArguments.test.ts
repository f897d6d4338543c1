import { test } from 'tap';
import { likelyReason, shownArgument } from '../../../src/cli/flags/surplusArguments.js';
import { runCli } from '../../fixtures/cli.js';

test('arguments are shown with what cannot be seen', async (t) => {
  t.equal(shownArgument('\t#'), '"\\t#"');
  t.equal(shownArgument(' '), '" "');
  t.equal(shownArgument('a\u00a0b\u001b[31m\u200b'), '"a\\u00a0b\\u001b[31m\\u200b"');
});

test('what a shell is likely to have made arguments of', async (t) => {
  const reason = (...args: string[]) => likelyReason(args, args.slice(1), (path) => path.endsWith('.yaml'));
  t.match(reason('\t#', 'three'), /a blank follows a backslash/);
  t.match(reason(' '), /a blank follows a backslash/);
  t.match(reason('\r'), /line ends of Windows/);
  t.match(reason('a.yaml', ''), /variable in quotes/);
  t.match(reason('\u2014epochs', '3'), /long dash/);
  t.match(reason('a.yaml', '#', 'three'), /comment/);
  t.match(reason('a.yaml', 'b.yaml'), /pattern/);
  t.match(reason('a.yaml', 'epochs=3'), /--epochs VALUE/);
  t.match(reason('a', 'b'), /quotes/);
});

test('every command refuses surplus arguments in the same words', async (t) => {
  const stderrOf = async (...args: string[]): Promise<string> => {
    const { code, stderr } = await runCli(t, ...args);
    t.equal(code, 2);
    return stderr;
  };
  t.match(
    await stderrOf('up', '--epochs', '3', '\t#', 'three'),
    /^error: up: expected at most 1 argument, got 2: "\\t#" "three"; a blank follows a backslash: .*\n$/,
  );
  t.match(await stderrOf('up', ' ', '--epochs', '3'), /^error: up: expected no blank argument, got " "; a blank follows a backslash/);
  t.match(await stderrOf('worker', 'x'), /^error: worker: expected no argument, got 1: "x"; /);
  t.match(await stderrOf('setup', 'blas', '\t'), /^error: blas: expected .*"\\t"; a blank follows/);
  t.match(await stderrOf(' '), /unknown command/);
});
