import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { test } from 'tap';
import { planTraining } from '../../../src/coordinator/training/trainingPlan.js';
import { parseConfig } from '../../../src/shared/config/parseConfig.js';
import { buildNetwork } from '../../../src/shared/model/network.js';
import { RunEvents } from '../../../src/view/tensorboard/runEvents.js';

const { root } = protobuf.parse(`
  syntax = "proto3";
  message Event { int64 step = 2; Summary summary = 5; }
  message Summary { repeated Value value = 1; }
  message Value { string tag = 1; }
`);

/** The step of every value in a folder's event files, by tag. */
function stepsIn(folder: string): Readonly<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const name of readdirSync(folder)) {
    const bytes = readFileSync(join(folder, name));
    let at = 0;
    while (at < bytes.length) {
      const length = Number(bytes.readBigUInt64LE(at));
      const type = root.lookupType('Event');
      const { step, summary } = type.toObject(type.decode(bytes.subarray(at + 12, at + 12 + length)), { longs: Number });
      for (const { tag } of summary?.value ?? []) found[tag] = step ?? 0;
      at += 16 + length;
    }
  }
  return found;
}

test("a run that is resumed at an epoch's end writes what it came to at the epoch's last step", async (t) => {
  const folder = t.testdir();
  const config = parseConfig({ model: '784-10', epochs: 100, batchSize: 32 }, 'test', { cores: 1 });
  const network = buildNetwork(config.model);
  const plan = planTraining(config, network, { train: 320, validation: 80, test: undefined });
  const events = new RunEvents(folder, plan, 100, (line) => t.fail(line));
  events.log({ kind: 'epoch', epoch: 9, loss: 1 });
  events.epochEnds(new Float32Array(network.layout.size));
  events.log({ kind: 'step', epoch: 10, step: 100, samples: 32, loss: 2 });
  events.lastGradient(new Float32Array(network.layout.size));
  events.close();
  t.match(stepsIn(folder), { 'epoch/loss': 99, 'weights/dense0/kernel': 99, 'step/loss': 100, 'gradients/dense0/bias': 100 });
});
