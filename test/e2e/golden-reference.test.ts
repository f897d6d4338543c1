import { testGoldenRuns } from './holdsGolden.js';

// In float64 the large ones take their time: once is enough, since the others are trained at several numbers of workers.
testGoldenRuns('reference', 'cpu', ({ name }) => (name.startsWith('mnist') ? [3] : [1, 3]));
