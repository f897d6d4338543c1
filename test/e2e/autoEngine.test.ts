import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { parse } from 'yaml';
import { hasBlas } from '../../src/engines/blas/library.js';
import { type Ended, someMnist, startCli, type Teardown } from '../fixtures/cli.js';
import { watchPresence } from '../fixtures/presence.js';
import { emptyFolder } from '../install/command.js';

/** Engine auto: measured once, then known, and fixed for the run. */

const skip = !hasBlas(1) && 'this machine has one engine, there is nothing to choose';
const config = [...someMnist, '--model', '784-16-10', '--workers', '2', '--name', 'run'] as const;
const figures = /^blas\/cpu \S+ ms, onnx\/cpu \S+ ms.* a step: (\w+)\/cpu( \(measured before; --measure does it again\))?$/m;

/** Trains where engines may be measured, and their figures are kept in a folder of the test. */
function up(t: Teardown, cache: string, ...flags: readonly string[]): Promise<Ended> {
  return startCli(t, ['up', ...config, ...flags], { BPNN_DIST_ENGINE: '', XDG_CACHE_HOME: cache }).done();
}

test('measured once a network, and again only where that is asked for', { skip }, async (t) => {
  const cache = emptyFolder(t);
  const runs = emptyFolder(t);
  const train = async (...flags: readonly string[]): Promise<RegExpExecArray | null> => {
    const { stderr } = await up(t, cache, '--epochs', '1', '--runs', emptyFolder(t), ...flags);
    return figures.exec(stderr);
  };
  const first = await up(t, cache, '--epochs', '1', '--runs', runs);
  const [, chosen, isOld] = figures.exec(first.stderr) ?? [];
  t.equal(isOld, undefined, first.stderr);
  const { engine, resolved } = parse(readFileSync(join(runs, 'run', 'config.yaml'), 'utf8'));
  t.equal(engine, 'auto');
  t.match(resolved, { engine: chosen, device: 'cpu' });

  const second = await train();
  t.equal(second?.[1], chosen, 'the same command gives the same engine');
  t.ok(second?.[2]);
  t.equal((await train('--measure'))?.[2], undefined);
  t.equal((await train('--model', '784-8-10'))?.[2], undefined, 'another network has other figures');

  const resumed = await up(t, emptyFolder(t), '--resume', 'run', '--runs', runs, '--epochs', '2');
  t.notMatch(resumed.stderr, figures, 'a resumed run goes on with what it began with');
});

test('with one engine that is allowed there is nothing to measure', async (t) => {
  const cache = emptyFolder(t);
  const flags = ['up', ...config, '--epochs', '1', '--max-restarts', '0', '--runs'];
  const { stderr } = await startCli(t, [...flags, emptyFolder(t)], { BPNN_DIST_ENGINE: 'abacus, onnx', XDG_CACHE_HOME: cache }).done();
  t.match(stderr, /^engine onnx /m);
  t.notMatch(stderr, /a step:/);
  const none = await startCli(t, [...flags, emptyFolder(t)], { BPNN_DIST_ENGINE: 'abacus', XDG_CACHE_HOME: cache }).ended;
  t.equal(none.code, 1);
  t.match(none.stderr, /BPNN_DIST_ENGINE=abacus: this machine has only .*onnx\/cpu/);
});

test('a device that no engine has: every engine says why', async (t) => {
  const flags = ['up', ...config, '--device', 'cuda:0', '--max-restarts', '0', '--runs', emptyFolder(t)];
  const { code, stderr } = await startCli(t, flags, { BPNN_DIST_ENGINE: '', XDG_CACHE_HOME: emptyFolder(t) }).ended;
  t.equal(code, 1);
  t.match(stderr, /no engine can compute on cuda:0 \(--device cpu does without\)/);
  for (const engine of ['tensorflow', 'onnx']) t.match(stderr, new RegExp(`${engine}/cuda:0: \\S+`));
});

for (const signal of ['SIGINT', 'SIGKILL'] as const) {
  test(`${signal} to a run while an engine hangs leaves no process behind`, async (t) => {
    // A pipe that nobody writes to: loading it never ends. It is the first that is tried on a GPU.
    const home = emptyFolder(t);
    mkdirSync(join(home, 'tensorflow-gpu'));
    execFileSync('mkfifo', [join(home, 'tensorflow-gpu', 'tfjs_binding.node')]);
    const presence = await watchPresence(t);
    const env = { ...presence.env, BPNN_DIST_ENGINE: '', BPNN_DIST_HOME: home, XDG_CACHE_HOME: emptyFolder(t) };
    const cli = startCli(t, ['up', ...config, '--device', 'gpu', '--workers', '1', '--runs', emptyFolder(t)], env);
    // The command, its worker, and the process that tries the engine.
    await presence.atLeast(3);
    cli.kill(signal);
    const { code, stderr } = await cli.ended;
    t.equal(code, signal === 'SIGINT' ? 130 : null, stderr);
    if (signal === 'SIGINT') t.match(stderr, /stopped while waiting for workers/);
    t.notMatch(stderr, /starting it again/);
    await presence.none();
  });
}

test('a library that computes by other code is measured again', { skip }, async (t) => {
  const cache = emptyFolder(t);
  const wasKnown = async (env: NodeJS.ProcessEnv): Promise<boolean> => {
    const flags = ['up', ...config, '--epochs', '1', '--workers', '1', '--runs', emptyFolder(t)];
    const { stderr } = await startCli(t, flags, { BPNN_DIST_ENGINE: '', XDG_CACHE_HOME: cache, ...env }).done();
    const match = figures.exec(stderr);
    t.ok(match, stderr);
    return match?.[2] !== undefined;
  };
  t.notOk(await wasKnown({}));
  t.ok(await wasKnown({}));
  // A core that every x86-64 processor has the instructions of.
  t.notOk(await wasKnown({ OPENBLAS_CORETYPE: 'Nehalem' }));
  t.ok(await wasKnown({}), 'the figures of the other are kept');
});
