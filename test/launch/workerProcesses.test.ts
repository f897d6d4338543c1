import { test } from 'tap';
import { howEnded } from '../../src/launch/workerProcesses.js';

test('how a worker has ended', async (t) => {
  t.equal(howEnded(3, null, 0), 'ended with exit code 3');
  t.equal(howEnded(null, 'SIGSEGV', 1), 'was killed by SIGSEGV');
  t.equal(howEnded(null, 'SIGKILL', 0), 'was killed by SIGKILL');
  t.match(howEnded(null, 'SIGKILL', 1), /ran out of memory \(SIGKILL\); .* memoryLimit/);
});
