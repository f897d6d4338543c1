import { SingleBar } from 'cli-progress';
import { Command } from 'commander';

const defaultIndex = 'https://pypi.org/simple';

interface Flags {
  readonly from?: string;
  readonly index: string;
  readonly dryRun?: true;
}

export function setupCommand(): Command {
  return new Command('setup').description('install what an engine needs').addCommand(blasCommand());
}

function blasCommand(): Command {
  return new Command('blas')
    .description('install OpenBLAS for the engine blas, on a machine that has none or an old one')
    .option('--from <folder>', 'take the wheel from this folder, on a machine without a network')
    .option('--index <url>', 'package index to download from', process.env['PIP_INDEX_URL'] ?? defaultIndex)
    .option('--dry-run', 'only say what would be downloaded, and where to')
    .addHelpText(
      'after',
      '\nIt goes to the folder that BPNN_DIST_HOME names, else to ~/.local/share/bpnn-dist.\nExample:\n  bpnn-dist setup blas',
    )
    .action(async ({ from, index, dryRun }: Flags) => {
      const { setupBlas } = await import('../setup/setupBlas.js');
      const say = (line: string): void => void process.stderr.write(`${line}\n`);
      const progress = progressBar();
      try {
        const path = await setupBlas({ from, index, dryRun: dryRun ?? false, say, onProgress: progress.show });
        progress.close();
        if (path === undefined) return;
      } finally {
        progress.close();
      }
      const { openBlas } = await import('../engines/blas/library.js');
      say(`the engine blas now uses ${openBlas(1).name}`);
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
