import { cpSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { test } from 'tap';
import { command, emptyFolder, repository, skipReason, succeeded } from './command.js';

/** On a fresh copy of the repository, the README's first commands under other versions of Node. */

const skip = skipReason();

for (const version of ['22', '24', '26']) {
  test(`npm ci, npm start and npm test under Node ${version}`, { skip }, async (t) => {
    const tools = emptyFolder(t);
    const nodePackage = `node-${process.platform}-${process.arch}`;
    succeeded(t, await command(tools, ['npm', 'install', '--prefix', tools, `${nodePackage}@${version}`]), 'Node is there');
    const env = {
      PATH: [join(tools, 'node_modules', nodePackage, 'bin'), process.env['PATH']].join(delimiter),
      BPNN_DIST_HOME: emptyFolder(t),
      XDG_CACHE_HOME: emptyFolder(t),
    };
    t.match((await command(tools, ['node', '--version'], env)).stdout, new RegExp(`^v${version}\\.`));

    const folder = emptyFolder(t);
    const { stdout: files } = await command(repository, ['git', 'ls-files', '-co', '--exclude-standard', '-z']);
    for (const file of files.split('\0').filter(Boolean)) cpSync(join(repository, file), join(folder, file));

    const ci = await command(folder, ['npm', 'ci'], env);
    succeeded(t, ci, 'npm ci');
    t.notMatch(ci.stderr, /warn|error/i, 'npm ci has nothing to warn of');
    const start = await command(folder, ['npm', 'start', '--', '--epochs', '1', '--workers', '2'], env);
    succeeded(t, start, 'npm start');
    t.match(start.stderr, /^engine (onnx|blas) \(.*, cpu\) in 2 workers$/m);
    t.match(start.stdout, /\btestAccuracy 0\.9[3-9]/);

    succeeded(t, await command(folder, ['node', 'dist/cli/main.js', 'setup', 'tensorflow', '--device', 'cpu'], env), 'setup tensorflow');
    const other = await command(folder, ['npm', 'start', '--', '--epochs', '1', '--workers', '2', '--engine', 'tensorflow'], env);
    succeeded(t, other, 'npm start on TensorFlow');
    t.match(other.stderr, /^engine tensorflow \(TensorFlow 2\.21\.0, cpu\) in 2 workers$/m);
    t.match(other.stdout, /\btestAccuracy 0\.9[3-9]/);
    const tests = await command(folder, ['npm', 'test', '--', '--reporter=tap'], env);
    succeeded(t, { ...tests, stdout: failures(tests.stdout) }, 'npm test');
    t.match(tests.stdout, /^# \{ total: \d+, pass: \d+/m, 'it ran tests');
  });
}

/** The parts of TAP output that tell of failures. */
function failures(output: string): string {
  const lines = output.split('\n');
  return lines.flatMap((line, i) => (/^\s*not ok/.test(line) ? [lines.slice(i, i + 12).join('\n')] : [])).join('\n');
}
