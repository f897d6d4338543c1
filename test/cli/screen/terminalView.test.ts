import { PassThrough } from 'node:stream';
import { test } from 'tap';
import { runView } from '../../../src/cli/screen/terminalView.js';
import type { StartInfo } from '../../../src/run/startInfo.js';

/** All that has been written: how much one read gives is for versions of Node.js to say. */
function writtenTo(stream: PassThrough): string {
  let text = '';
  for (let chunk: unknown = stream.read(); chunk !== null; chunk = stream.read()) text += String(chunk);
  return text;
}

/** What is said at the start of a run whose workers compute on these providers. */
function startText(providers: readonly string[]): string {
  const info: StartInfo = {
    path: 'runs/a',
    network: '784-128-10',
    parameters: 101_770,
    globalBatch: 32,
    localBatch: 16,
    shards: 4,
    stepsPerEpoch: 10,
    epochs: 1,
    totalSteps: 10,
    samples: { train: 320, validation: 0, test: 0 },
    workers: providers.map((provider, i) => ({ name: `worker ${i}`, engine: `onnx (${provider})`, provider, host: 'here', pid: i })),
    spares: 0,
  };
  const stream = new PassThrough();
  runView(stream).onStart?.(info);
  return writtenTo(stream);
}

test('a run in WebAssembly says once how to get the fast engine', async (t) => {
  const advice = /^it runs in WebAssembly, .*: ONNXRUNTIME_NODE_INSTALL=skip npm install$/gm;
  t.equal(startText(['wasm', 'wasm']).match(advice)?.length, 1);
  t.equal(startText(['cpu', 'wasm']).match(advice)?.length, 1);
});

test('a native run has no such line', async (t) => {
  t.match(startText(['cpu', 'cpu']), /^engine onnx \(cpu\) in 2 workers\nrun runs\/a$/m);
});

test('the command of a worker can be pasted into a shell', async (t) => {
  const stream = new PassThrough();
  const address = 'tcp://127.0.0.1:5000';
  runView(stream).onListening?.({ address, workers: 1, startsWorkers: false, keyFile: "/my runs/it's/key", path: 'runs/a' });
  const command = String.raw`bpnn-dist worker --connect tcp://127.0.0.1:5000 --key '/my runs/it'\''s/key'`;
  t.equal(writtenTo(stream), `waiting for 1 worker; start each with: ${command}\n`);
});
