import { testGoldenRuns } from './holdsGolden.js';

testGoldenRuns('reference', 'cpu', () => [1, 3]);
