import { test } from 'tap';
import { runCli } from '../fixtures/cli.js';

test('the doctor tries every engine, and says what to type for what is missing', { timeout: 300_000 }, async (t) => {
  const { code, stdout } = await runCli(t, 'doctor', '--json');
  t.equal(code, 0);
  const { findings, canTrain } = JSON.parse(stdout) as {
    findings: {
      what: string;
      state: string;
      says: string;
      advice?: string;
      trial?: { works: boolean; error?: number; library?: string };
    }[];
    canTrain: boolean;
  };
  t.ok(canTrain);
  const byName = new Map(findings.map((finding) => [finding.what, finding]));
  for (const basic of ['node', 'memory', 'cores', 'gpus', 'shared memory', 'sockets', 'open files', 'clock'])
    t.ok(byName.has(basic), basic);
  t.equal(byName.get('sockets')?.state, 'good');
  const engines = findings.filter(({ what }) => what.startsWith('engine '));
  t.ok(engines.length >= 7);
  for (const { what, state, advice, trial } of engines) {
    t.equal(state === 'good', trial?.works === true, what);
    if (trial?.works) t.ok((trial.error ?? 1) < 1e-5, `${what}: ${trial.error}`);
    else t.ok(advice, `${what} says what to do`);
  }
  t.match(byName.get('engine onnx wasm')?.trial, { works: true, library: /^onnxruntime-web/ });
});

test('the doctor fails where what was asked for cannot be had', { timeout: 300_000 }, async (t) => {
  const { code, stdout } = await runCli(t, 'doctor', '--engine', 'blas', '--device', 'gpu');
  t.equal(code, 1);
  t.match(stdout, /^training cannot run with blas on gpu$/m);
  t.match(stdout, /^ok +node +Node v/m);
});
