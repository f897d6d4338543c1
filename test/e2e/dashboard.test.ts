import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import type { RunChange, RunSnapshot, StepSeries } from '../../src/view/dashboard/api.js';
import { runCli, runWell, someMnist, startCli, type Teardown } from '../fixtures/cli.js';
import { listen } from '../fixtures/ports.js';
import { metricsOf } from '../fixtures/runFolder.js';

const config = [...someMnist, '--model', '784-16-10', '--workers', '2', '--shards', '4'] as const;

/** Shows places in a dashboard of their own. */
async function view(t: Teardown, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const [url] = await startCli(t, ['view', ...args], env).line(/^http:\S+$/);
  return url;
}

async function json<T>(url: string): Promise<T> {
  return (await fetch(url)).json() as Promise<T>;
}

/** The first events of a kind that a dashboard sends. */
async function eventsUntil(url: string, isLast: (event: string, data: RunChange | null) => boolean | Promise<boolean>): Promise<void> {
  const { body } = await fetch(`${url}api/events`);
  let text = '';
  for await (const chunk of body ?? []) {
    text += Buffer.from(chunk).toString();
    const whole = text.split('\n\n');
    text = whole.pop() ?? '';
    for (const event of whole) {
      const [, name = '', data = ''] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? [];
      if (await isLast(name, JSON.parse(data))) return;
    }
  }
}

test('a run is shown while it goes on, to its very end', async (t) => {
  const runs = t.testdir();
  const up = startCli(t, ['up', ...config, '--epochs', '3', '--runs', runs, '--name', 'run', '--dashboard']);
  const [, url = ''] = await up.line(/^dashboard (http:\/\/127\.0\.0\.1:\d+\/)$/);
  const seen: string[] = [];
  let snapshot: RunSnapshot | undefined;
  await eventsUntil(url, async (event, change) => {
    if (event === 'change') seen.push(change?.status?.state ?? '');
    // The server waits for those who watch.
    if (event === 'end') snapshot = await json<RunSnapshot>(`${url}api/runs/run`);
    return event === 'end';
  });
  await up.done();
  t.equal(seen.at(-1), 'ended');
  t.equal(snapshot?.status?.step, 45);
  t.match(snapshot?.summary, { reason: 'epochs', steps: 45 });
  t.same(
    snapshot?.epochs.map(({ epoch }) => epoch),
    [0, 1, 2],
  );
  t.same(
    snapshot?.events.map(({ kind }) => kind),
    ['ready', 'ready'],
  );
  t.match(snapshot?.status?.workers, [{ name: 'worker 0', state: 'ready', restarts: 0 }, { name: 'worker 1' }]);
  await t.rejects(fetch(url), 'and ends with the run');
});

test('the same figures as in metrics.jsonl', async (t) => {
  const runs = t.testdir();
  await runWell(t, 'up', ...config, '--epochs', '2', '--runs', runs, '--name', 'run');
  const url = await view(t, [join(runs, 'run')]);
  const { columns, step } = await json<StepSeries>(`${url}api/runs/run/steps?from=0&to=99&stride=1`);
  const lines = metricsOf(join(runs, 'run'), 'step');
  t.same(
    step,
    lines.map((line) => line['step']),
  );
  for (const name of ['loss', 'accuracy', 'learningRate', 'noiseScale']) {
    t.same(
      columns[name]?.mean,
      lines.map((line) => line[name]),
      name,
    );
  }
  const metrics = await (await fetch(`${url}metrics`)).text();
  const gauge = (name: string): number => Number(new RegExp(`^bpnn_dist_${name}(?:\\{.*\\})? (\\S+)$`, 'm').exec(metrics)?.[1]);
  t.equal(gauge('steps'), 30);
  t.equal(gauge('samples'), 960);
  t.equal(gauge('step_loss'), lines.at(-1)?.['loss']);
  t.equal(gauge('epoch_val_loss'), metricsOf(join(runs, 'run'), 'epoch').at(-1)?.['valLoss']);
  t.match(metrics, /^bpnn_dist_worker_ready\{run="run",worker="worker 1",host=".+"\} 1$/m);
  const { headers } = await fetch(url);
  t.match(headers.get('content-security-policy'), "default-src 'self'");
});

test('what is asked for wrongly', async (t) => {
  const runs = t.testdir();
  await runWell(t, 'up', ...config, '--epochs', '1', '--runs', runs, '--name', 'run');
  const longest = 'n'.repeat(255);
  cpSync(join(runs, 'run'), join(runs, longest), { recursive: true });
  const url = await view(t, [runs]);
  for (const [path, code] of [
    [`api/runs/${longest}`, 200],
    ['api/runs/none', 404],
    ['api/runs/run/steps', 400],
    ['api/runs/run/steps?from=-1&to=5&stride=1', 400],
    ['api/runs/run/steps?from=0&to=5&stride=0', 400],
    ['..%2f..%2fpackage.json', 404],
    ['nothing', 404],
  ] as const) {
    t.equal((await fetch(url + path)).status, code, path);
  }
});

test('other machines need the token', async (t) => {
  const runs = t.testdir();
  await runWell(t, 'up', ...config, '--epochs', '1', '--runs', runs, '--name', 'run');
  const token = 'a-token-of-one-s-own';
  const url = await view(t, [runs, '--port', '0.0.0.0:0'], { BPNN_DIST_TOKEN: token });
  const { port, search } = new URL(url);
  const here = `http://127.0.0.1:${port}`;
  t.equal(search, `?token=${token}`);
  t.equal((await fetch(`${here}/api/runs`)).status, 401);
  t.equal((await fetch(`${here}/metrics`, { headers: { authorization: `Bearer ${token}` } })).status, 200);
  t.equal((await fetch(`${here}/healthz`)).status, 200, 'whether it is well may be asked by all');
  const status = join(runs, 'run', 'status.json');
  writeFileSync(status, JSON.stringify({ ...JSON.parse(readFileSync(status, 'utf8')), state: 'training', time: 0 }));
  t.equal((await fetch(`${here}/healthz`)).status, 503, 'a run that should be under way and writes nothing is not');
  const first = await fetch(here + search, { redirect: 'manual' });
  t.equal(first.status, 302);
  t.equal(first.headers.get('location'), '/', 'the token does not stay in the address');
  const cookie = first.headers.get('set-cookie')?.split(';')[0] ?? '';
  t.equal((await fetch(`${here}/api/runs`, { headers: { cookie } })).status, 200);
});

test('a port that is in use ends the command before anything begins', async (t) => {
  const runs = t.testdir();
  const { port } = await listen(t, () => undefined);
  const { code, stderr } = await runCli(t, 'up', ...config, '--runs', runs, '--dashboard', String(port));
  t.equal(code, 2);
  t.equal(
    stderr,
    `error: the dashboard cannot listen at 127.0.0.1:${port}: the port is in use; name another, or none for any that is free\n`,
  );
});

test('nothing to show', async (t) => {
  const folder = t.testdir({ empty: {}, 'a-file': '' });
  const cases = [
    [join(folder, 'none'), /^error: .*none: no such folder\n$/],
    [
      join(folder, 'empty'),
      /^error: .*empty: there is no run in it: expected a folder with config.yaml and metrics.jsonl, or a folder of such folders\n$/,
    ],
    [join(folder, 'a-file'), /^error: .*a-file: there is no run in it/],
  ] as const;
  for (const [place, message] of cases) {
    const { code, stderr } = await runCli(t, 'view', place);
    t.equal(code, 2);
    t.match(stderr, message);
  }
});

test('a run that is killed leaves its last word', async (t) => {
  const runs = t.testdir();
  const up = startCli(t, ['up', ...config, '--epochs', '100000', '--runs', runs, '--name', 'run']);
  await up.line(/^epoch 2\//);
  up.kill('SIGTERM');
  t.equal((await up.ended).code, 130);
  const status = JSON.parse(readFileSync(join(runs, 'run', 'status.json'), 'utf8'));
  t.match(status, { state: 'stopped', reason: /^stopped after step \d+, with a checkpoint$/ });
});
