import { SingleBar } from 'cli-progress';
import { Command } from 'commander';

const defaultIndex = 'https://pypi.org/simple';

interface Flags {
  readonly from?: string;
  readonly index?: string;
  readonly dryRun?: true;
}

export function setupCommand(): Command {
  return new Command('setup').description('install what an engine needs').addCommand(blasCommand());
}

function blasCommand(): Command {
  return new Command('blas')
    .description('install OpenBLAS for the engine blas, on a machine that has none or an old one')
    .option('--from <folder>', 'take the wheel from this folder, on a machine without a network')
    .option('--index <url>', `package index to download from (default: PIP_INDEX_URL, else ${defaultIndex})`)
    .option('--dry-run', 'only say what would be downloaded, and where to')
    .addHelpText(
      'after',
      '\nIt goes to the folder that BPNN_DIST_HOME names, else to bpnn-dist in XDG_DATA_HOME or ~/.local/share.\nExample:\n  bpnn-dist setup blas',
    )
    .action(async ({ from, index: given, dryRun }: Flags) => {
      const index = given ?? (process.env['PIP_INDEX_URL'] || defaultIndex);
      const { setupBlas } = await import('../setup/setupBlas.js');
      const say = (line: string): void => void process.stderr.write(`${line}\n`);
      const progress = progressBar();
      const path = await setupBlas({ from, index, dryRun: dryRun ?? false, say, onProgress: progress.show }).finally(progress.close);
      if (path === undefined) return;
      const { openBlasAt } = await import('../engines/blas/library.js');
      const { name } = openBlasAt(path, 1);
      const named = process.env['BPNN_DIST_BLAS'] ?? '';
      say(named === '' ? `the engine blas now uses ${name}` : `${name} is installed, but BPNN_DIST_BLAS=${named} comes first`);
    });
}

/** Megabytes on a terminal; nothing elsewhere. */
function progressBar(): { show(bytes: number, of: number): void; close(): void } {
  const bar = new SingleBar({ format: '[{bar}] {value}/{total} MB', stream: process.stderr, hideCursor: true, noTTYOutput: false });
  let isActive = false;
  const megabytes = (bytes: number): number => Math.round(bytes / 1e5) / 10;
  return {
    show(bytes, of) {
      if (!process.stderr.isTTY) return;
      if (!isActive) bar.start(megabytes(of), 0);
      isActive = true;
      bar.update(megabytes(bytes));
    },
    close() {
      if (isActive) bar.stop();
      isActive = false;
    },
  };
}
