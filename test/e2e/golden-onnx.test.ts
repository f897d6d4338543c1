import { testGoldenRuns } from './holdsGolden.js';

testGoldenRuns('onnx', 'cpu', () => [1, 2, 3, 4]);
