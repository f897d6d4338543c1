import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { parse } from 'yaml';
import { hasBlas } from '../../src/engines/blas/library.js';
import { type Ended, someMnist, startCli, type Teardown } from '../fixtures/cli.js';
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

test('a run that is stopped while an engine hangs leaves no process behind', {
  skip: process.platform !== 'linux' && 'it looks at /proc',
}, async (t) => {
  // A pipe that nobody writes to: loading it never ends.
  const home = emptyFolder(t);
  mkdirSync(join(home, 'tensorflow-cpu'));
  execFileSync('mkfifo', [join(home, 'tensorflow-cpu', 'tfjs_binding.node')]);
  const env = { BPNN_DIST_ENGINE: '', BPNN_DIST_HOME: home, XDG_CACHE_HOME: emptyFolder(t) };
  const cli = startCli(t, ['up', ...config, '--runs', emptyFolder(t)], env);
  await until(() => processesOf(home).some((line) => line.includes('engines/trial/main.js') && isWaiting(line)));
  cli.kill('SIGINT');
  const { code, stderr } = await cli.ended;
  t.equal(code, 130, stderr);
  t.match(stderr, /stopped while waiting for workers/);
  t.notMatch(stderr, /starting it again/);
  await until(() => processesOf(home).length === 0);
});

/** Number and command of every process that was started with this BPNN_DIST_HOME. */
function processesOf(home: string): string[] {
  const read = (pid: string, file: string): string => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, 'utf8').replaceAll('\0', ' ');
    } catch {
      return '';
    }
  };
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => read(pid, 'environ').includes(`BPNN_DIST_HOME=${home}`)).map((pid) => `${pid} ${read(pid, 'cmdline')}`);
}

/** Has it come to the pipe? */
function isWaiting(line: string): boolean {
  try {
    return /wait_for_partner|fifo|pipe/.test(readFileSync(`/proc/${line.split(' ')[0]}/wchan`, 'utf8'));
  } catch {
    return false;
  }
}

/** Resolves once it holds; the test's own timeout ends the waiting. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 20));
}
