import { test } from 'tap';
import { testGoldenRuns } from '../e2e/holdsGolden.js';
import { hasWebgpu } from '../engines/webgpu.js';

if (await hasWebgpu()) testGoldenRuns('onnx', 'webgpu', [1, 2]);
else test('golden runs on webgpu', { skip: 'this machine has no GPU with Vulkan' }, (t) => t.end());
