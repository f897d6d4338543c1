import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { errorCode, RunError } from '../shared/text/errors.js';

const execute = promisify(execFile);

/**
 * Runs a program to its end.
 * @returns what it has written to stdout
 * @throws RunError with what it has written to stderr, or that there is no such program
 */
export async function run(program: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await execute(program, args, { maxBuffer: 2 ** 26 });
    return stdout;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') throw new RunError(`${program} is needed, and is not installed`);
    const { stderr = '' } = error as { stderr?: string };
    throw new RunError(`${program} ${args[0] ?? ''} failed: ${stderr.trim().split('\n').slice(-20).join('\n') || String(error)}`);
  }
}
