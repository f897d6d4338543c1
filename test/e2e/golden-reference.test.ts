import { testGoldenRuns } from './holdsGolden.js';

testGoldenRuns('reference');
