import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { DataError, RunError } from '../../shared/text/errors.js';
import type { PartFiles, PartSource } from './part.js';

/** One part to convert. */
export interface PartTask {
  readonly source: PartSource;
  readonly files: PartFiles;
}

/** What a process answers. */
export type PartAnswer = { readonly ok: true } | { readonly ok: false; readonly message: string; readonly isDataError: boolean };

/**
 * Converts parts in several processes, each of which takes the next one that is left.
 * @param onDone is called as each is done
 * @throws DataError for the first part that cannot be converted, in their order as far as they have been tried
 */
export async function convertAll(tasks: readonly PartTask[], processes: number, onDone: () => void): Promise<void> {
  const left = [...tasks.entries()];
  const failures = new Map<number, Error>();
  const run = async (): Promise<void> => {
    const child = fork(fileURLToPath(import.meta.resolve('#data-part')), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    try {
      // Later parts are of no use once one has failed.
      for (let next = left.shift(); next && failures.size === 0; next = left.shift()) {
        const [i, task] = next;
        const failure = await ask(child, task);
        if (failure) failures.set(i, failure);
        else onDone();
      }
    } finally {
      child.kill();
    }
  };
  await Promise.all(Array.from({ length: Math.min(processes, tasks.length) }, run));
  const [first] = [...failures].sort(([a], [b]) => a - b);
  if (first) throw first[1];
}

function ask(child: ChildProcess, task: PartTask): Promise<Error | undefined> {
  return new Promise((resolve) => {
    const onExit = (code: number | null, signal: string | null): void => {
      resolve(new RunError(`a process that converts data ended with ${signal ?? `code ${code}`}: start again, what it had done is kept`));
    };
    child.once('exit', onExit);
    child.once('message', (answer: PartAnswer) => {
      child.off('exit', onExit);
      if (answer.ok) resolve(undefined);
      else resolve(answer.isDataError ? new DataError(answer.message) : new Error(answer.message));
    });
    child.send(task);
  });
}
