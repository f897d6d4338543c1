import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { hardestImages } from '../../../src/inference/hardest.js';
import { prometheusText } from '../../../src/view/dashboard/prometheus.js';
import { RunSet } from '../../../src/view/dashboard/runSet.js';
import { ViewedFolder } from '../../../src/view/dashboard/viewedFolder.js';
import { writeRun, writeWeights } from '../../inference/runs.js';

const step = '{"kind":"step","epoch":0,"step":0,"samples":32,"loss":2}\n';

test('no link leads out of a viewed folder, and no pipe is waited for', async (t) => {
  const folder = t.testdir({
    'secret.json': '{"secret":true}',
    run: { 'real.json': '{}', inside: t.fixture('symlink', 'real.json'), outside: t.fixture('symlink', '../secret.json'), best: {} },
    linked: t.fixture('symlink', 'run'),
    runs: { other: t.fixture('symlink', '../run') },
  });
  const run = join(folder, 'run');
  execFileSync('mkfifo', [join(run, 'pipe'), join(run, 'best', 'weights.bin')]);
  const viewed = new ViewedFolder(run);
  t.equal(await viewed.text('real.json'), '{}');
  t.equal(await viewed.text('inside'), '{}');
  t.equal(await viewed.text('missing'), undefined);
  await t.rejects(viewed.text('outside'), { message: `${run}/outside: is a link that leads out of ${run}: it is not followed` });
  await t.rejects(viewed.text('pipe'), { message: `${run}/pipe: expected a regular file, got a link, pipe, socket or device` });
  await t.rejects(viewed.text('best'), { message: /EISDIR/ });
  await t.rejects(viewed.checkAll('best'), { message: /best\/weights.bin: expected a regular file/ });
  await viewed.checkAll('final');
  t.equal(await new ViewedFolder(join(folder, 'linked')).text('real.json'), '{}', 'the user may name a link');
  const runs = join(folder, 'runs');
  await t.rejects(new ViewedFolder(join(runs, 'other'), runs).text('real.json'), { message: /leads out of .*runs: it is not followed/ });
});

test('a bad run is named, and the others are shown', async (t) => {
  const runs = t.testdir({ secret: 'secret: 1' });
  for (const name of ['good', 'linked', 'piped', 'named']) {
    writeRun(join(runs, name), { model: '2-2' });
    if (name !== 'piped') writeFileSync(join(runs, name, 'metrics.jsonl'), step);
  }
  symlinkSync('../secret', join(runs, 'linked', 'summary.json'));
  execFileSync('mkfifo', [join(runs, 'piped', 'metrics.jsonl')]);
  appendFileSync(join(runs, 'named', 'metrics.jsonl'), '{"kind":"epoch","epoch":0,"bad na-me!":1,"bad_na_me!":2,"__proto__":3}\n');
  const set = new RunSet();
  set.add(runs);
  await Promise.all(set.all().map((run) => run.refresh()));
  const linesOf = (id: string) =>
    set
      .get(id)
      ?.snapshot()
      .events.map(({ line }) => line);
  t.same(linesOf('good'), []);
  t.match(linesOf('linked'), [/its folder cannot be read: .*summary\.json: is a link that leads out/]);
  t.equal(set.get('linked')?.snapshot().summary, null);
  t.match(linesOf('piped'), [/its folder cannot be read: .*metrics\.jsonl: expected a regular file/]);
  const text = await prometheusText(set.all());
  t.match(text, 'bpnn_dist_step_loss{run="good"} 2\n');
  t.match(text, 'bpnn_dist_epoch_bad_na_me_{run="named"} 1\n');
  t.match(text, 'bpnn_dist_epoch_bad_na_me__2{run="named"} 2\n', 'names that become the same stay apart');
  t.match(text, 'bpnn_dist_readable{run="linked"} 0\n');
  t.notMatch(text, /^(?!#|[a-zA-Z_:][a-zA-Z0-9_:]*\{)./m);
});

test('looking at the hardest images asks no server', async (t) => {
  const folder = join(t.testdir(), 'run');
  mkdirSync(folder);
  const data = { x: 'http://127.0.0.1:1/x.npy', y: 'http://127.0.0.1:1/y.npy' };
  const model = { inputShape: [2, 2], layers: ['flatten', { dense: { units: 2, activation: 'softmax' } }] };
  const spec = writeRun(folder, { model, data, validationSplit: 0.5 });
  await writeWeights(join(folder, 'best'), spec, [1, 0, 0, 1, 0, 0, 1, 1, 0, 0], { loss: 'categoricalCrossentropy' });
  await t.rejects(hardestImages(folder, 1), {
    name: 'UsageError',
    message: /its data are at an address, which looking at a run does not fetch/,
  });
});
