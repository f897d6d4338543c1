import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';

export const repository = fileURLToPath(new URL('../../', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a person's shell has: nothing of the npm and the tap that run this test, but how the registry is reached. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const ours =
    /^(npm_(?!config_(cafile|registry|.*proxy|userconfig|globalconfig)$)|TAP|_TAPJS|NODE_(ENV|OPTIONS|PATH)$|ONNXRUNTIME_|INIT_CWD$|CI$|BPNN_DIST_BUILT$)/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
}

/** Runs a command in a folder until it ends, with an environment that is clean but for `env`. */
export function command(cwd: string, [file = '', ...args]: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, env: { ...cleanEnvironment(), ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.once('error', reject).once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** Asserts that a command went well; where not, what it said stands in the report. */
export function succeeded(t: Test, { code, stdout, stderr }: Ended, what: string): void {
  t.equal(code, 0, what, code === 0 ? {} : { stdout: stdout.slice(-4_000), stderr: stderr.slice(-4_000) });
}

/** An empty folder outside the repository, whose node_modules would be found from within. */
export function emptyFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'bpnn-dist-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));
  return folder;
}

/** Why these checks cannot run here; false where they can. In CI they always do, and fail where they cannot. */
export function skipReason(): string | false {
  if (process.env['CI'] === 'true') return false;
  const ping = spawnSync('npm', ['view', 'npm', 'version', '--prefer-online', '--fetch-retries=0', '--fetch-timeout=10000'], {
    env: cleanEnvironment(),
  });
  return ping.status === 0 ? false : 'no package registry can be reached';
}
