import { test } from 'tap';
import { parseConfig } from '../../../src/shared/config/parseConfig.js';
import { isDevice } from '../../../src/shared/engine/device.js';
import { gpuNumbers } from '../../../src/shared/system/gpuNumbers.js';

test('the GPUs that are visible are those that CUDA_VISIBLE_DEVICES names', (t) => {
  t.same(gpuNumbers('2,3'), ['2', '3']);
  t.same(gpuNumbers('GPU-8932f937, 1'), ['GPU-8932f937', '1']);
  t.same(gpuNumbers(''), []);
  t.same(gpuNumbers('-1'), []);
  t.same(gpuNumbers('1,-1,0'), ['1'], 'what is behind the first that is none is hidden');
  t.end();
});

test('devices', (t) => {
  for (const device of ['auto', 'cpu', 'gpu', 'webgpu', 'cuda:0', 'cuda:12']) t.ok(isDevice(device), device);
  for (const device of ['', 'cuda', 'cuda:', 'cuda:-1', 'tpu', 1, undefined]) t.notOk(isDevice(device), String(device));
  t.throws(() => parseConfig({ device: 'tpu' }, 'flags', { cores: 1 }), /device: expected auto, cpu, gpu, webgpu or cuda:N, got "tpu"/);
  t.end();
});

test('one worker a GPU where they are asked for', (t) => {
  const workers = (config: object): number => parseConfig(config, 'flags', { cores: 16, gpus: 4 }).workers;
  t.equal(workers({ device: 'gpu' }), 4);
  t.equal(workers({ device: 'gpu', batchSize: 3, shards: 3 }), 3);
  t.equal(workers({ device: 'cuda:1' }), 1);
  t.equal(workers({ device: 'auto', batchSize: 1_024 }), 16);
  t.equal(parseConfig({ device: 'gpu' }, 'flags', { cores: 16 }).workers, 1, 'which will say why there is none');
  t.end();
});
