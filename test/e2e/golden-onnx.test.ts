import { testGoldenRuns } from './holdsGolden.js';

testGoldenRuns('onnx', 'cpu', () => [1, 3]);
