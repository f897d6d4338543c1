import { test } from 'tap';
import { jobScript } from '../../../src/launch/slurm/jobScript.js';
import { outsideOfJob } from '../../../src/launch/slurm/submit.js';

test('of the environment in a job, sbatch gets what the user has set', async (t) => {
  const kept = {
    PATH: '/bin',
    SLURM_CONF: '/etc/slurm.conf',
    SLURM_CLUSTERS: 'a',
    SLURM_JWT: 'x',
    SBATCH_PARTITION: 'gpu',
    MY_SLURM_X: '1',
  };
  const ofJob = { SLURM_JOB_ID: '7', SLURM_NTASKS: '4', SLURM_MEM_PER_CPU: '1', SLURMD_NODENAME: 'n1', PMI_RANK: '0', SRUN_DEBUG: '3' };
  t.same(outsideOfJob({ ...kept, ...ofJob }), kept);
});

test('no value can add a line to a job script', async (t) => {
  const message = /: expected no control characters or line ends, got "/;
  t.throws(() => jobScript('train', [['partition', 'a\ntouch x']], {}), { name: 'UsageError', message });
  t.throws(() => jobScript('train', [['output', 'r\ntouch x #/%x.log']], {}), { name: 'UsageError', message });
  t.throws(() => jobScript('train', [], { runs: 'r\rtouch x #' }), { name: 'UsageError', message });
  t.throws(() => jobScript('train', [], { config: ['--name', 'a\0b'] }), { name: 'UsageError', message });
  t.match(jobScript('train', [['comment', 'it`s "$HOME"']], { runs: "it's $HOME" }), "\nruns='it'\\''s $HOME'\n");
});
