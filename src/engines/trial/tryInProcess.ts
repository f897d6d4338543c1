import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Trial, TrialRequest } from './tryEngine.js';

/** Milliseconds that one engine may take. */
const timeout = 120_000;

/**
 * Tries an engine in a process of its own: a library that crashes, or has much to say, does so there, and this process
 * has none of it loaded.
 */
export async function tryInProcess(request: TrialRequest, signal?: AbortSignal): Promise<Trial> {
  const path = fileURLToPath(import.meta.resolve('#engine-trial'));
  return new Promise((resolve) => {
    const options = { timeout, killSignal: 'SIGKILL', ...(signal && { signal }) } as const;
    // One that hangs would outlive whoever waits for it.
    const end = (): void => void child.kill('SIGKILL');
    const child = execFile(process.execPath, [path], options, (error, stdout, stderr) => {
      process.off('exit', end);
      const last = (text: string): string => text.trim().split('\n').at(-1) ?? '';
      try {
        resolve(JSON.parse(last(stdout)));
      } catch {
        const how = error?.signal ? `was ended by ${error.signal}` : `ended with code ${error?.code ?? 0}`;
        resolve({ works: false, reason: `the process that tried it ${how}: ${last(stderr)}` });
      }
    });
    process.once('exit', end);
    // One that ends before it has read this says so by its end.
    child.stdin?.on('error', () => undefined).end(JSON.stringify(request));
  });
}
