import { test } from 'tap';
import { hasBlas } from '../../src/engines/blas/library.js';
import { testGoldenRuns } from './holdsGolden.js';

if (hasBlas(1)) testGoldenRuns('blas', 'cpu', () => [1, 3]);
else test('golden runs on blas', { skip: 'this machine has no BLAS' }, (t) => t.end());
