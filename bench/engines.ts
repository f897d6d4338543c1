import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { EngineTask } from '../src/engines/engine.js';
import { openOnnx } from '../src/engines/onnx/open.js';
import { openEngine } from '../src/engines/openEngine.js';
import { classifierTask, timeOf } from '../src/engines/trial/tryEngine.js';
import { nameOf } from './settings.js';

/** Milliseconds of one gradient on one thread, by engine, batch and width: `npm run bench:engines`. */

const engines = {
  blas: (task: EngineTask) => openEngine('blas', task),
  onnx: (task: EngineTask) => openOnnx(task, { provider: 'cpu' }),
  'onnx in WebAssembly': (task: EngineTask) => openOnnx(task, { provider: 'wasm' }),
  tensorflow: (task: EngineTask) => openEngine('tensorflow', task),
  'tensorflow in bf16': (task: EngineTask) => openEngine('tensorflow', { ...task, precision: 'bf16' }),
};
/** A whole step, its optimizer included: where `bench/peers/setup.sh` has installed tfjs-node. */
const tfjs = fileURLToPath(new URL('peers/tfjs_step.mjs', import.meta.url));
const hasTfjs = existsSync(new URL('peers/.tfjs', import.meta.url));

const rows: Record<string, string | number>[] = [];
const libraries: Record<string, string> = {};
for (const [hidden, batches] of [
  [[128], [16, 32, 128, 1_024]],
  [
    [1_024, 1_024],
    [32, 128, 512],
  ],
  [[4_096, 4_096], [128]],
] as const) {
  const task = classifierTask(hidden, 'cpu');
  const opened = await Promise.all(Object.entries(engines).map(async ([name, open]) => [name, await open(task)] as const));
  for (const batchSize of batches) {
    const row: Record<string, string | number> = { network: nameOf({ hidden, batchSize, steps: 0, peerSteps: 0 }) };
    for (const [name, engine] of opened) {
      row[name] = Number((await timeOf(engine, task, batchSize)).toPrecision(3));
      libraries[name] = engine.identity.library;
    }
    if (hasTfjs) {
      const steps = `${Math.min(300, Math.max(10, Math.round((hidden.length > 1 ? 4_096 : 40_960) / batchSize)))}`;
      const env = { ...process.env, TF_NUM_INTRAOP_THREADS: '1', TF_CPP_MIN_LOG_LEVEL: '3' };
      row["a step of tfjs's fit"] = Number(
        execFileSync(process.execPath, [tfjs, hidden.join(), `${batchSize}`, steps], { env, encoding: 'utf8' }),
      );
    }
    rows.push(row);
  }
  for (const [, engine] of opened) await engine.close();
}
const machine = `${cpus()[0]?.model.trim()}, one thread, Node ${process.version}; ${Object.values(libraries).join(', ')}`;
console.log(machine);
console.table(rows);
mkdirSync(new URL('results/', import.meta.url), { recursive: true });
writeFileSync(new URL('results/engines.json', import.meta.url), `${JSON.stringify({ machine, rows }, undefined, 2)}\n`);
