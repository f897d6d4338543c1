import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, t as root, type Test, test } from 'tap';
import { command, type Ended, emptyFolder, repository, skipReason, succeeded } from './command.js';

/** Installs the packed package in an empty folder, as its user would, and trains there. */

/** onnxruntime-node's install script must fail to download, as it does behind a firewall. */
const closedNetwork = { GLOBAL_AGENT_HTTPS_PROXY: 'http://127.0.0.1:9' };
/** As on a machine that has no BLAS. */
const withoutBlas = { BPNN_DIST_BLAS: 'none' };
const slowEngineAdvice = 'ONNXRUNTIME_NODE_INSTALL=skip npm install';

const program = `
import { train, type RunResult, type StartInfo } from 'bpnn-dist';
let started: StartInfo | undefined;
const result: RunResult = await train(
  { model: '784-16-10', data: { name: 'mnist', take: 500 }, epochs: 1, workers: 2 },
  { onStart: (info) => { started = info; } },
);
const loss: number | undefined = result.summary.testLoss;
console.log(JSON.stringify({ workers: started?.workers.length, loss: typeof loss }));
`;

const skip = skipReason();
let packed = '';

before(async () => {
  if (skip !== false) return;
  const folder = emptyFolder(root);
  await command(repository, ['npm', 'run', 'pack', '--', '--pack-destination', folder], {
    // Others may be running what is built.
    BPNN_DIST_BUILT: process.env['BPNN_DIST_BUILT'],
  });
  packed = join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? 'no tarball');
});

for (const version of ['11', '10']) {
  test(`a plain install with npm ${version} trains`, { skip }, async (t) => {
    const tools = emptyFolder(t);
    succeeded(t, await command(tools, ['npm', 'install', '--prefix', tools, `npm@${version}`]), `npm ${version} is there`);
    const bin = join(tools, 'node_modules', 'npm', 'bin');
    const npm = [process.execPath, join(bin, 'npm-cli.js')];
    const npx = [process.execPath, join(bin, 'npx-cli.js'), '--no-install'];
    const folder = emptyFolder(t);
    const cache = ['--cache', join(tools, 'cache')];

    const installed = await command(folder, [...npm, 'install', packed, ...cache], closedNetwork);
    succeeded(t, installed, 'the package installs');
    t.same(worrying(installed), [], 'no warning but that of packages with install scripts');
    t.notOk(existsSync(join(folder, 'node_modules', 'onnxruntime-node')), 'npm has left onnxruntime-node out');
    isWhole(t, folder, await command(folder, [...npm, 'ls', '--all']));

    const slow = await command(folder, [...npx, 'bpnn-dist', 'up', '--epochs', '1', '--workers', '2'], withoutBlas);
    succeeded(t, slow, 'it trains in WebAssembly');
    t.match(slow.stderr, /^engine onnx \(onnxruntime-web .*, wasm\) in 2 workers$/m, 'it says which engine runs');
    t.equal(slow.stderr.split(slowEngineAdvice).length, 2, 'it says once how to get the fast one');
    t.match(slow.stdout, /\btestAccuracy 0\.9[3-9]/, 'it learns');

    await isLibrary(t, folder);

    succeeded(t, await command(folder, ['sh', '-c', slowEngineAdvice.replace(' npm ', ` '${npm.join("' '")}' `)]), 'the advice works');
    const fast = await command(folder, [...npx, 'bpnn-dist', 'up', '--epochs', '1', '--workers', '2'], withoutBlas);
    succeeded(t, fast, 'it trains natively');
    t.match(fast.stderr, /^engine onnx \(onnxruntime-node .*, cpu\) in 2 workers$/m, 'it says which engine runs');
    t.notMatch(fast.stderr, slowEngineAdvice, 'there is no advice any more');
  });
}

/**
 * What a person would have to act on. npm 11.16 and later list every package that has an install script; settings that
 * npm does not know are this machine's, not ours.
 */
function worrying({ stdout, stderr }: Ended): string[] {
  const lines = `${stdout}\n${stderr}`.split('\n');
  const harmless = /^npm warn (install-scripts|Unknown \w+ config)/;
  return lines.filter((line) => /warn|error|deprecated|vulnerab/i.test(line) && !harmless.test(line));
}

/** Everything needed is there, and nothing else: no optional peer, no tool of ours. */
function isWhole(t: Test, folder: string, listed: Ended): void {
  succeeded(t, listed, 'npm ls is content');
  t.notMatch(listed.stdout + listed.stderr, /extraneous|invalid|missing/, 'nothing is extraneous, invalid or missing');
  const names = readdirSync(join(folder, 'node_modules'));
  t.same(
    ['@tensorflow', 'typescript', 'tap', 'assemblyscript', '@biomejs'].filter((name) => names.includes(name)),
    [],
    'no optional peer and no development tool came along',
  );
  const files = readdirSync(join(folder, 'node_modules', 'bpnn-dist')).sort();
  t.same(
    files,
    ['CHANGELOG.md', 'LICENSE', 'README.md', 'README.zh-CN.md', 'deploy', 'dist', 'examples', 'package.json'],
    'the package has its files',
  );
}

/** `import { train } from 'bpnn-dist'` compiles, our declarations checked too, and runs. */
async function isLibrary(t: Test, folder: string): Promise<void> {
  const project = join(folder, 'project');
  mkdirSync(project);
  writeFileSync(join(project, 'main.mts'), program);
  const options = { module: 'nodenext', target: 'es2023', lib: ['es2023', 'dom'], types: [], strict: true, skipLibCheck: false };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['main.mts'] }));
  succeeded(t, await command(project, [process.execPath, join(repository, 'node_modules', 'typescript', 'bin', 'tsc')]), 'types hold');
  const ran = await command(project, [process.execPath, 'main.mjs']);
  succeeded(t, ran, 'a program that trains runs');
  t.equal(ran.stdout.trim(), '{"workers":2,"loss":"number"}', 'it gets the results');
}
