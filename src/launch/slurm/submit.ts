import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { errorCode, errorMessage, RunError, UsageError } from '../../shared/text/errors.js';

/**
 * Submits a job script to Slurm.
 * @param say hears what sbatch says beside the number, such as a warning
 * @returns the job's number
 * @throws UsageError with what sbatch says where it does not take the job
 */
export async function submit(script: string, say: (line: string) => void): Promise<string> {
  const child = spawn('sbatch', ['--parsable'], { stdio: ['pipe', 'pipe', 'pipe'], env: outsideOfJob(process.env) });
  const failed = new Promise<never>((_, reject) => child.once('error', reject));
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  try {
    child.stdin.on('error', () => undefined).end(script);
    const [stdout, stderr, code] = await Promise.race([failed, Promise.all([text(child.stdout), text(child.stderr), closed])]);
    // The number may be followed by the name of a cluster.
    const [, job] = /^(\d+)(?:;.*)?$/.exec(stdout.trim().split('\n').at(-1) ?? '') ?? [];
    if (code !== 0 || job === undefined) throw new UsageError(stderr.trim() || `sbatch ended with exit code ${code}: ${stdout.trim()}`);
    const said = stderr.trim();
    if (said !== '') say(said);
    return job;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const isMissing = errorCode(error) === 'ENOENT';
    throw new RunError(
      isMissing ? 'there is no sbatch here: type this where jobs are submitted, or see the script with --dry-run' : errorMessage(error),
    );
  }
}

/** What a user sets for the client: which cluster, and who they are. All else of that name describes the job that it is typed in. */
const ofUser: ReadonlySet<string> = new Set([
  'SLURM_CONF',
  'SLURM_CONF_SERVER',
  'SLURM_CLUSTERS',
  'SLURM_JWT',
  'SLURM_SACK_KEY',
  'SLURM_SACK_SOCKET',
  'SLURM_TIME_FORMAT',
  'SLURM_DEBUG_FLAGS',
]);

/** An environment without what Slurm, and its PMI, have set in a job: sbatch would take it for options, and pass it on to the new job. */
export function outsideOfJob(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => ofUser.has(name) || !/^(SLURM|SLURMD|SRUN|PMI|PMI2|PMIX)_/.test(name)));
}
