import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { errorCode, errorMessage, RunError, UsageError } from '../shared/errors.js';

/**
 * Submits a job script to Slurm.
 * @param say hears what sbatch says beside the number, such as a warning
 * @returns the job's number
 * @throws UsageError with what sbatch says where it does not take the job
 */
export async function submit(script: string, say: (line: string) => void): Promise<string> {
  const child = spawn('sbatch', ['--parsable'], { stdio: ['pipe', 'pipe', 'pipe'] });
  const failed = new Promise<never>((_, reject) => child.once('error', reject));
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  try {
    child.stdin.on('error', () => undefined).end(script);
    const [stdout, stderr, code] = await Promise.race([failed, Promise.all([text(child.stdout), text(child.stderr), closed])]);
    // The number may be followed by the name of a cluster.
    const [, job] = /^(\d+)(?:;.*)?$/.exec(stdout.trim().split('\n').at(-1) ?? '') ?? [];
    if (code !== 0 || job === undefined) throw new UsageError(stderr.trim() || `sbatch ended with exit code ${code}: ${stdout.trim()}`);
    say(stderr.trim());
    return job;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const isMissing = errorCode(error) === 'ENOENT';
    throw new RunError(
      isMissing ? 'there is no sbatch here: type this where jobs are submitted, or see the script with --dry-run' : errorMessage(error),
    );
  }
}
