import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { parse } from 'yaml';
import { loadModel, train } from '../../src/index.js';
import { parseConfig } from '../../src/shared/config/parseConfig.js';
import { runCli, runWell, someMnist, startCli } from '../fixtures/cli.js';
import { watchPresence } from '../fixtures/presence.js';
import { checkpointsOf, metricsOf, summaryOf, weightsOf } from '../fixtures/runFolder.js';

/** What a run leaves, and that it leaves the same again. */

const short = [...someMnist, '--epochs', '2', '--workers', '2'];

test('a run leaves a complete folder', async (t) => {
  const runs = t.testdir();
  const { stdout, stderr } = await runWell(t, 'up', ...short, '--runs', runs, '--name', 'run', '--checkpoint-keep', '1', '--json');
  const path = join(runs, 'run');
  t.same(JSON.parse(stdout), summaryOf(path), 'stdout has the summary, and nothing else');
  t.match(stderr, /^epoch 2\/2 {2}loss \S+ {2}accuracy \S+ {2}valLoss \S+ {2}valAccuracy \S+ {2}\S+ samples\/s$/m);

  const config = parseConfig(parse(readFileSync(join(path, 'config.yaml'), 'utf8')), 'config.yaml', { cores: 1 });
  t.match(config, { batchSize: 32, shards: 4, workers: 2, resolved: { provider: 'cpu', library: /^(onnxruntime-node|OpenBLAS) / } });
  const steps = metricsOf(path, 'step');
  t.same(
    steps.map(({ step }) => step),
    Array.from({ length: 30 }, (_, i) => i),
  );
  t.match(steps[0], { epoch: 0, samples: 32, loss: Number, accuracy: Number, learningRate: 0.001 });
  t.match(metricsOf(path, 'epoch')[1], { epoch: 1, loss: Number, accuracy: Number, valLoss: Number, valAccuracy: Number });
  t.match(summaryOf(path), {
    ...{ testLoss: Number, testAccuracy: Number, finalTestLoss: Number, bestEpoch: Number, epochs: 2, steps: 30, reason: 'epochs' },
    ...{ samplesPerSecond: Number, version: String, cpu: String, fingerprint: String, commandLine: Array },
    workers: [{ computeSeconds: Number, waitSeconds: Number }, { computeSeconds: Number }],
  });
  t.equal(checkpointsOf(path).length, 1);
  t.same(readdirSync(join(path, 'log')).sort(), ['coordinator.log', 'worker-0.log', 'worker-1.log']);
  for (const model of ['best', 'final']) t.same(readdirSync(join(path, model)).sort(), ['model.json', 'weights.bin']);
  t.match(JSON.parse(readFileSync(join(path, 'status.json'), 'utf8')), { state: 'ended', reason: 'epochs', step: 30 });
  t.notOk(existsSync(join(path, 'lock')));
});

test('the same seed gives the same bytes, another others', async (t) => {
  const runs = t.testdir();
  const weights = async (name: string, seed: string): Promise<Record<string, string>> => {
    await runWell(t, 'up', ...short, '--seed', seed, '--runs', runs, '--name', name);
    return weightsOf(join(runs, name));
  };
  const first = await weights('first', '5');
  t.same(await weights('again', '5'), first);
  t.not((await weights('other', '6'))['final/weights.bin'], first['final/weights.bin']);
});

for (const example of ['article', 'regularised', 'early-stopping']) {
  test(`examples/${example}.yaml runs`, async (t) => {
    const runs = t.testdir();
    const file = fileURLToPath(new URL(`../../examples/${example}.yaml`, import.meta.url));
    await runWell(t, 'up', file, ...short, '--runs', runs, '--name', 'run');
    t.match(summaryOf(join(runs, 'run')), { reason: 'epochs', testAccuracy: Number });
  });
}

test('as a library: callbacks, the end of patience, the best weights restored, and the model asked', async (t) => {
  const runs = t.testdir();
  const heard = { steps: 0, epochs: 0 };
  const { path, summary, bestWeights, finalWeights } = await train(
    {
      ...{ data: { name: 'mnist', take: 600 }, model: '784-16-10', epochs: 50, workers: 1, runs, name: 'run' },
      ...{ optimizer: { name: 'sgd', learningRate: 0.5, momentum: 0.9 } },
      earlyStopping: { patience: 2, restoreBestWeights: true },
      checkpoint: { saveBestOnly: false },
    },
    {
      onStep: () => {
        heard.steps++;
      },
      onEpoch: () => {
        heard.epochs++;
      },
    },
  );
  t.match(summary, { reason: 'earlyStopping', epochs: heard.epochs, steps: heard.steps });
  t.same(finalWeights, bestWeights);
  t.equal(readdirSync(join(path, 'epochs')).length, heard.epochs);
  const model = await loadModel(path);
  t.teardown(() => model.close());
  const outputs = await model.predict(new Float32Array(2 * 784).fill(0.5));
  t.equal(outputs.length, 20);
  t.ok(Math.abs(outputs.subarray(0, 10).reduce((a, b) => a + b, 0) - 1) < 1e-5);
});

test('as a library: two at once do not disturb each other, a signal ends one, a bad config is refused', async (t) => {
  const runs = t.testdir();
  const config = { data: { name: 'mnist', take: 600 }, model: '784-16-10', epochs: 2, workers: 1, runs };
  const [a, b] = await Promise.all([train({ ...config, name: 'a' }), train({ ...config, seed: 2, name: 'b' })]);
  const alone = await train({ ...config, seed: 2, name: 'alone' });
  t.same(b.finalWeights, alone.finalWeights);
  t.notSame(a.finalWeights, b.finalWeights);
  const stop = new AbortController();
  const endless = train({ ...config, epochs: 1_000_000, name: 'stopped' }, { signal: stop.signal, onStep: () => stop.abort() });
  await t.rejects(endless, { name: 'Interrupted' });
  t.equal(checkpointsOf(join(runs, 'stopped')).length, 1);
  await t.rejects(train({ batchsize: 3 }), { name: 'ConfigError', message: /unknown key; did you mean "batchSize"\?/ });
});

test('a run leaves no process, and no file but its folder', async (t) => {
  const runs = t.testdir();
  const presence = await watchPresence(t);
  const up = startCli(t, ['up', ...short, '--runs', runs, '--name', 'run'], presence.env);
  await up.done();
  await presence.none();
  const pids = metricsOf(join(runs, 'run'), 'worker').map(({ pid }) => Number(pid));
  t.equal(pids.length, 2);
  for (const pid of pids) t.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  t.same(readdirSync(presence.folder), ['socket'], "the workers' socket is gone");
  t.same(readdirSync(runs), ['run']);
});

test('a run that exists is left as it is', async (t) => {
  const runs = t.testdir({ run: { 'notes.txt': 'mine' } });
  const { code, stdout, stderr } = await runCli(t, 'up', ...short, '--runs', runs, '--name', 'run');
  t.equal(stderr, `error: ${join(runs, 'run')}: this run exists already; choose another name, or leave it out\n`);
  t.equal(code, 2);
  t.equal(stdout, '');
  t.same(readdirSync(join(runs, 'run')), ['notes.txt']);
});

test('results for a person on stdout, the rest on stderr', async (t) => {
  const runs = t.testdir();
  const { stdout, stderr } = await runWell(t, 'up', ...short, '--runs', runs, '--name', 'run');
  const [ending, best, figures, noise, ...rest] = stdout.split('\n');
  t.match(ending, /^all epochs are done: 2 epochs, 30 steps in \d+ s, [\d,]+ samples\/s$/);
  t.equal(best, 'best epoch 2');
  t.match(figures, /^testLoss \d\.\d{4} {2}testAccuracy 0\.\d{4}$/);
  t.match(noise, /^noise scale about \d+: a global batch beyond that buys little$/);
  t.match(rest, [/^worker 0 {2}computed [\d.]+ s, waited [\d.]+ s$/, /^worker 1 {2}computed/, join(runs, 'run'), '']);
  t.match(
    stderr,
    /^network 784-128-10, 101770 parameters\nsamples 480 to train, 120 to validate, 10000 to test\nglobal batch 32 in 4 shards, /m,
  );
});
