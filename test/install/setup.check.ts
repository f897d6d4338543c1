import { test } from 'tap';
import { command, emptyFolder, repository, skipReason, succeeded } from './command.js';

/** Downloads what `setup` installs from the package index itself, and trains with it. */

test('setup blas installs an OpenBLAS that trains', { skip: skipReason() }, async (t) => {
  const env = { BPNN_DIST_HOME: emptyFolder(t), BPNN_DIST_BLAS: '' };
  const cli = [process.execPath, 'dist/cli/main.js'];
  const installed = await command(repository, [...cli, 'setup', 'blas'], env);
  succeeded(t, installed, 'it installs');
  t.match(installed.stderr, /the engine blas now uses OpenBLAS 0\.3\.34 for \S+/);
  const flags = ['--engine', 'blas', '--model', '784-16-10', '--steps', '20', '--json', '--runs', emptyFolder(t)];
  const trained = await command(repository, [...cli, 'up', ...flags], env);
  succeeded(t, trained, 'it trains');
  t.match(JSON.parse(trained.stdout), { steps: 20, engine: { library: /^OpenBLAS 0\.3\.34 for / } });
});
