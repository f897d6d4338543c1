import { test } from 'tap';
import { testGoldenRuns } from '../e2e/holdsGolden.js';
import { hasWebgpu } from '../engines/webgpu.js';
import type { GoldenRun } from '../golden/runs.js';

// A GPU made of software takes half a minute for each of the larger ones.
const isLarge = ({ name }: GoldenRun): boolean => name.startsWith('mnist');

if (await hasWebgpu()) testGoldenRuns('onnx', 'webgpu', (run) => (isLarge(run) ? [2] : [1, 2]));
else test('golden runs on webgpu', { skip: 'this machine has no GPU with Vulkan' }, (t) => t.end());
