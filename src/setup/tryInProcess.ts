import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Trial } from './tryEngine.js';

const execute = promisify(execFile);

/** Tries an engine in a process of its own: a library that crashes, or has much to say, does so there. */
export async function tryInProcess(engine: string, device: string): Promise<Trial> {
  const path = fileURLToPath(import.meta.resolve('#engine-trial'));
  try {
    const { stdout } = await execute(process.execPath, [path, engine, device], { timeout: 120_000 });
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Trial;
  } catch (error) {
    const { signal, code, stderr = '' } = error as { signal?: string; code?: number; stderr?: string };
    const how = signal ? `was ended by ${signal}` : `ended with code ${code}`;
    return { works: false, reason: `the process that tried it ${how}: ${stderr.trim().split('\n').at(-1) ?? ''}` };
  }
}
