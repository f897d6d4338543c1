import { Command } from 'commander';
import { dashboardAddress } from '../shared/access.js';
import { deviceOf } from '../shared/device.js';
import { UsageError } from '../shared/errors.js';
import { tokenFor } from './dashboardFlag.js';
import { weightsChoice } from './weightsChoice.js';
import { wholeFlag } from './wholeFlag.js';

interface ServeFlags {
  readonly port: string;
  readonly weights?: string;
  readonly engine?: string;
  readonly device?: string;
  readonly threads?: string;
  readonly maxBody: string;
  readonly maxRate: string;
}

export function serveCommand(): Command {
  return new Command('serve')
    .description('answer POST /predict with what a model says of JSON or images, beside /health, /metrics and /openapi.json')
    .argument('<run>', 'folder of a run, such as runs/article, or a model: .h5, .keras, model.json or .onnx')
    .option('--port <[host:]port>', 'where to listen; other machines than this one need a token (Authorization: Bearer TOKEN)', '')
    .option('--weights <best|final>', "which of the run's models (default: best)")
    .option('--engine <name>', "what computes (default: the run's engine)")
    .option('--device <device>', 'what it computes on: auto, cpu, gpu, webgpu or cuda:N (default: as the run did)')
    .option('--threads <n>', "threads of the engine (default: the run's)")
    .option('--max-body <bytes>', 'bytes that one request may have', String(8 * 2 ** 20))
    .option('--max-rate <n>', 'requests that one address may make a second', '1000')
    .addHelpText('after', '\nExample:\n  bpnn-dist serve runs/article --port 8080')
    .action(serve);
}

async function serve(folder: string, flags: ServeFlags): Promise<void> {
  const { loadModel } = await import('../inference/loadModel.js');
  const { listenProblem, predictServer } = await import('../inference/serve/server.js');
  const address = dashboardAddress('--port', flags.port);
  const token = tokenFor(address);
  const [maxBody, maxRate] = [wholeFlag('--max-body', flags.maxBody), wholeFlag('--max-rate', flags.maxRate)];
  const model = await loadModel(folder, {
    weights: weightsChoice(flags.weights),
    engine: flags.engine,
    device: flags.device === undefined ? undefined : deviceOf(flags.device),
    threads: flags.threads === undefined ? undefined : wholeFlag('--threads', flags.threads),
  });
  const server = await predictServer({ model, address, token, maxBody, maxRate });
  const stopped = new Promise<void>((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));
  try {
    const url = await server.listen(address).catch((error: unknown) => {
      throw new UsageError(listenProblem(address, error));
    });
    process.stderr.write(`${url}/\n${token === undefined ? '' : `Authorization: Bearer ${token}\n`}Ctrl-C ends it\n`);
    await stopped;
  } finally {
    await server.close();
    await model.close();
  }
}
