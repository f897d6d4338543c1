import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'tap';
import { runCli, runWell, startCli } from '../fixtures/cli.js';

/** A check of the network between real processes. */

/** Shifts a process's clock by a second and a half. */
const shift = 'const { now } = performance; performance.now = () => now.call(performance) + 1500;';

test('two machines that are started by hand, one with a wrong clock', async (t) => {
  const folder = t.testdir({ 'shift.mjs': shift });
  const key = join(folder, 'run.key');
  await runWell(t, 'keygen', key);
  const center = startCli(t, ['netcheck', 'examples/article.yaml', '--bind', 'tcp://127.0.0.1:0', '--key', key, '--workers', '2']);
  const [, address = ''] = await center.line(/^waiting for 2; on each: bpnn-dist netcheck --connect (\S+) --key \S+$/);
  const peer = ['netcheck', '--connect', address, '--key', key, '--peer-name'];
  const peers = [
    startCli(t, [...peer, 'left']),
    startCli(t, [...peer, 'right'], { NODE_OPTIONS: `--import=${pathToFileURL(join(folder, 'shift.mjs')).href}` }),
  ];
  const { stdout } = await center.done();
  for (const each of peers) await each.done();
  t.match(stdout, /^host +there and back +99 % +to it +from it +its clock$/m);
  t.match(stdout, /^left +\d+\.\d\d ms +\d+\.\d\d ms +[\d,]+ Mbit\/s +[\d,]+ Mbit\/s +[+-]\d+\.\d ± \d+\.\d ms +/m);
  t.match(stdout, /^right .* \+1(499|500)\.\d ± \d\.\d ms .*its clock is 1\.5 s ahead/m);
  t.match(stdout, /^all at once +[\d,]+ Mbit\/s +[\d,]+ Mbit\/s$/m);
  t.match(stdout, /^A step moves 101,770 parameters to each of 2 and a gradient back: about \S+ ms beside what it computes\.$/m);
});

test('wrong use, each with its word', async (t) => {
  const refused = async (reason: RegExp, ...flags: readonly string[]): Promise<void> => {
    const { code, stderr } = await runCli(t, 'netcheck', ...flags);
    t.equal(code, 2);
    t.match(stderr, reason);
  };
  await refused(/expected --hosts or --hostfile, or --bind with --workers, or --connect/);
  await refused(/--workers: expected with --bind/, '--workers', '2');
  await refused(/--workers: expected a number of machines, got none/, '--workers', 'none', '--bind', 'tcp://127.0.0.1:0');
  await refused(/other machines reach this address, so it needs --key FILE/, '--workers', '2', '--bind', 'tcp://0.0.0.0:0');
});
