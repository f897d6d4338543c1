import { testGoldenRuns } from './holdsGolden.js';

testGoldenRuns('onnx');
