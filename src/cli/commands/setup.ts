import { SingleBar } from 'cli-progress';
import { Command, Option } from 'commander';
import type { Trial } from '../../engines/trial/tryEngine.js';
import type { SetupOptions } from '../../setup/obtain.js';
import type { Device } from '../../shared/engine/device.js';
import { RunError } from '../../shared/text/errors.js';
import { say } from '../../shared/text/say.js';

const defaultIndex = 'https://pypi.org/simple';

interface Flags {
  readonly from?: string;
  readonly index?: string;
  readonly dryRun?: true;
}

export function setupCommand(): Command {
  return new Command('setup')
    .description('install what an engine needs')
    .addCommand(blasCommand())
    .addCommand(tensorflowCommand())
    .addCommand(onnxCudaCommand());
}

/** A command that installs files, and the options that all such have. */
function installing(name: string, description: string, example: string): Command {
  return new Command(name)
    .description(description)
    .option('--from <folder>', 'take the files from this folder, on a machine without a network')
    .option('--index <url>', `package index to download from (default: PIP_INDEX_URL, else ${defaultIndex})`)
    .option('--dry-run', 'only say what would be downloaded, and where to')
    .addHelpText(
      'after',
      `\nIt goes to the folder that BPNN_DIST_HOME names, else to bpnn-dist in XDG_DATA_HOME or ~/.local/share.\nExample:\n  ${example}`,
    );
}

/** What every installation is told, and how it shows how far it has come. */
function optionsOf({ from, index, dryRun }: Flags): SetupOptions & { readonly close: () => void } {
  const { show, close } = progressBar();
  return { from, index: index ?? (process.env['PIP_INDEX_URL'] || defaultIndex), dryRun: dryRun ?? false, say, onProgress: show, close };
}

function blasCommand(): Command {
  const description = 'install OpenBLAS for the engine blas, on a machine that has none or an old one';
  return installing('blas', description, 'bpnn-dist setup blas').action(async (flags: Flags) => {
    const { setupBlas } = await import('../../setup/setupBlas.js');
    const options = optionsOf(flags);
    const path = await setupBlas(options).finally(options.close);
    if (path === undefined) return;
    const { openBlasAt } = await import('../../engines/blas/library.js');
    const { name } = openBlasAt(path, 1);
    const named = process.env['BPNN_DIST_BLAS'] ?? '';
    say(named === '' ? `the engine blas now uses ${name}` : `${name} is installed, but BPNN_DIST_BLAS=${named} comes first`);
  });
}

function tensorflowCommand(): Command {
  const description = 'install native TensorFlow for the engine tensorflow: its library, and an addon that is built here by g++';
  return installing('tensorflow', description, 'bpnn-dist setup tensorflow --device cpu')
    .addOption(new Option('--device <device>', 'cpu, or gpu with CUDA 12').choices(['cpu', 'gpu']).makeOptionMandatory())
    .option('--system-cuda', "take the machine's CUDA 12 and cuDNN 9 (LD_LIBRARY_PATH) instead of downloading them")
    .action(async ({ device, systemCuda, ...flags }: Flags & { device: 'cpu' | 'gpu'; systemCuda?: true }) => {
      const { setupTensorflow } = await import('../../setup/setupTensorflow.js');
      const options = optionsOf(flags);
      const path = await setupTensorflow({ ...options, device, systemCuda: systemCuda ?? false }).finally(options.close);
      if (path === undefined) return;
      const trial = await tryIt('tensorflow', device === 'gpu' ? 'auto' : 'cpu');
      if (!trial.works) throw new RunError(`it is installed, and does not work here: ${trial.reason}`);
      const { gpuProblem } = await import('../../engines/gpu.js');
      const isOnGpu = trial.provider === 'gpu';
      const missing = device === 'gpu' && !isOnGpu ? ` (${gpuProblem()})` : '';
      say(`${trial.library} runs on the ${isOnGpu ? 'GPU' : 'CPU'} here${missing}, ${timeSaid(trial)}; train with --engine tensorflow`);
    });
}

function onnxCudaCommand(): Command {
  const description = 'install the CUDA provider of ONNX Runtime for the engine onnx, with CUDA 13';
  return installing('onnx-cuda', description, 'bpnn-dist setup onnx-cuda')
    .option('--system-cuda', "take the machine's CUDA 13 and cuDNN 9 (LD_LIBRARY_PATH) instead of downloading them")
    .action(async ({ systemCuda, ...flags }: Flags & { systemCuda?: true }) => {
      const { setupOnnxCuda } = await import('../../setup/setupOnnxCuda.js');
      const options = optionsOf(flags);
      const path = await setupOnnxCuda({ ...options, systemCuda: systemCuda ?? false }).finally(options.close);
      if (path === undefined) return;
      const trial = await tryIt('onnx', 'gpu');
      say(
        trial.works
          ? `${trial.library} runs on ${trial.provider}, ${timeSaid(trial)}; train with --engine onnx --device gpu`
          : `it is installed, and cannot be used here: ${trial.reason}`,
      );
    });
}

/** Tries what has been installed with a gradient of the article's network. */
async function tryIt(engine: string, device: Device): Promise<Trial> {
  const { classifier } = await import('../../engines/trial/tryEngine.js');
  const { tryInProcess } = await import('../../engines/trial/tryInProcess.js');
  return tryInProcess({ engine, device, threads: 1, precision: 'fp32', problems: [{ ...classifier([128]), count: 32 }] });
}

function timeSaid({ ms }: Trial & { works: true }): string {
  return `${ms[0]?.toFixed(2)} ms a gradient of 784-128-10 over 32 samples`;
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
