import { UsageError } from '../../shared/text/errors.js';

/**
 * `srun -n 4 bpnn-dist up` starts four trainings of the same. Those that have a name are kept apart, or refused, by it; of
 * others all but the first are refused. A job's script is task 0, whatever the number of tasks.
 * @throws UsageError in any other task
 */
export function refuseCopies({ SLURM_PROCID: task, SLURM_NTASKS: tasks }: NodeJS.ProcessEnv): void {
  if (!(Number(task) > 0 && Number(tasks) > 1)) return;
  throw new UsageError(
    `this is task ${task} of the ${tasks} that srun has started, and each would train the same run; use bpnn-dist slurm for one run on all of them, srun -n 1 for one task, or --name to train several runs`,
  );
}
