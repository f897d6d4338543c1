import { test } from 'tap';
import { refuseCopies } from '../../../src/cli/process/srunCopies.js';

test('of the tasks that srun starts, one trains', async (t) => {
  refuseCopies({});
  refuseCopies({ SLURM_PROCID: '0', SLURM_NTASKS: '4' });
  refuseCopies({ SLURM_PROCID: '0', SLURM_NTASKS: '1' });
  const message = /^this is task 3 of the 4 that srun has started, .* use bpnn-dist slurm /;
  t.throws(() => refuseCopies({ SLURM_PROCID: '3', SLURM_NTASKS: '4' }), { name: 'UsageError', message });
});
