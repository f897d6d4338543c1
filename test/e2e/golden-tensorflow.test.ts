import { test } from 'tap';
import { hasTensorflow } from '../../src/engines/tensorflow/binding.js';
import { testGoldenRuns } from './holdsGolden.js';

if (hasTensorflow()) testGoldenRuns('tensorflow', 'cpu', () => [1, 3]);
else test('golden runs on tensorflow', { skip: 'it is not installed' }, (t) => t.end());
