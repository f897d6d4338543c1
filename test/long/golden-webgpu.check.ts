import { test } from 'tap';
import { testGoldenRuns } from '../e2e/holdsGolden.js';
import { hasWebgpu } from '../engines/webgpu.js';
import type { GoldenRun } from '../golden/runs.js';

// A GPU made of software takes half a minute for each of the larger ones, which differ only in what the coordinator does.
const countsOf = ({ name }: GoldenRun): readonly number[] => (name === 'mnist-adam' ? [2] : name.startsWith('mnist') ? [] : [1, 2]);

if (await hasWebgpu()) testGoldenRuns('onnx', 'webgpu', countsOf);
else test('golden runs on webgpu', { skip: 'this machine has no GPU with Vulkan' }, (t) => t.end());
