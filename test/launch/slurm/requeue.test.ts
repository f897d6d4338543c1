import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type Test, test } from 'tap';

/** The ends of job scripts, with stand-ins for Slurm and for bpnn-dist. */

function write(folder: string, name: string, script: string): void {
  writeFileSync(join(folder, name), `#!/bin/bash\n${script}\n`);
  chmodSync(join(folder, name), 0o755);
}

/** What a job script ends with whose time is up once it runs. */
async function timeIsUp(t: Test, template: string, scontrol: string | undefined): Promise<{ code: number | null; stderr: string }> {
  const folder = t.testdir();
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  // The coordinator saves a checkpoint when it is told to stop; a worker leaves with it.
  const train = `case $1 in
keygen) : > "$2" ;;
worker) while [[ ! -e stopped ]]; do sleep 0.05; done; exit 130 ;;
*) mkdir -p "runs/my run/checkpoints"; trap ': > "runs/my run/checkpoints/step-1.checkpoint"; : > stopped; exit 130' TERM
  # Once the script listens to it.
  until (( 0x$(awk '/SigCgt/ {print $2}' "/proc/$SCRIPT/status") & 0x200 )); do :; done
  kill -USR1 "$SCRIPT"; while :; do sleep 0.05; done ;;
esac`;
  write(bin, 'bpnn', train);
  write(bin, 'srun', 'while [[ $1 != bpnn ]]; do shift; done; exec "$@"');
  write(bin, 'sinfo', 'echo idle');
  if (scontrol !== undefined) write(bin, 'scontrol', scontrol);
  const script = readFileSync(fileURLToPath(import.meta.resolve(`#deploy/slurm/${template}.sbatch`)), 'utf8')
    .replace('bpnn_dist=(npx bpnn-dist)', () => 'bpnn_dist=(bpnn)\nexport SCRIPT=$$')
    .replace(/^name=.*$/m, "name='my run'");
  writeFileSync(join(folder, 'job'), script);
  const env = { PATH: `${bin}:/usr/bin:/bin`, SLURM_JOB_ID: '7', SLURM_JOB_NAME: 'j', SLURM_JOB_NUM_NODES: '1', SLURMD_NODENAME: 'n1' };
  const child = spawn('bash', ['job'], {
    ...{ cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
    env: { ...env, SLURM_NTASKS: '1', SLURM_PROCID: '0', SLURM_ARRAY_JOB_ID: '7', SLURM_ARRAY_TASK_ID: '3' },
  });
  t.teardown(() => child.kill('SIGKILL'));
  const [stderr, [code]] = await Promise.all([child.stderr ? text(child.stderr) : '', once(child, 'close')]);
  return { code, stderr };
}

for (const [why, scontrol] of [
  ['is missing', undefined],
  ['refuses', 'echo "slurm_requeue error: Requested operation is presently disabled" >&2; exit 1'],
] as const) {
  test(`a training that cannot be queued again because scontrol ${why}`, async (t) => {
    const { code, stderr } = await timeIsUp(t, 'train', scontrol);
    t.equal(code, 75);
    t.match(stderr, 'the run is saved, but the job could not be queued again: scontrol requeue failed. Continue with:\n');
    t.match(stderr, /^ bpnn up --resume runs\/my\\ run$/m);
    t.notMatch(stderr, 'no step was made');
  });
}

test('a cell of an experiment that cannot be queued again', async (t) => {
  const { code, stderr } = await timeIsUp(t, 'scale', 'exit 1');
  t.equal(code, 75);
  t.match(stderr, /^ bpnn scale .* --cell 3$/m);
});
