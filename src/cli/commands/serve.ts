import { Command } from 'commander';
import { deviceOf } from '../../shared/engine/device.js';
import { dashboardAddress, urlAt } from '../../shared/http/access.js';
import { UsageError } from '../../shared/text/errors.js';
import { say } from '../../shared/text/say.js';
import { tokenFor } from '../flags/dashboardFlag.js';
import { secondsFlag } from '../flags/secondsFlag.js';
import { weightsChoice } from '../flags/weightsChoice.js';
import { wholeFlag } from '../flags/wholeFlag.js';
import { serverStop } from '../process/serverStop.js';

interface ServeFlags {
  readonly port: string;
  readonly weights?: string;
  readonly engine?: string;
  readonly device?: string;
  readonly threads?: string;
  readonly maxBody: string;
  readonly maxRate: string;
  readonly requestTimeout: string;
  readonly gracePeriod: string;
}

export function serveCommand(): Command {
  return new Command('serve')
    .description('answer POST /predict with what a model says of JSON or images, beside /healthz, /metrics and /openapi.json')
    .argument('<run>', 'folder of a run, such as runs/article, or a model: .h5, .keras, model.json or .onnx')
    .option('--port <[host:]port>', 'where to listen; other machines than this one need a token (Authorization: Bearer TOKEN)', '')
    .option('--weights <best|final>', "which of the run's models (default: best)")
    .option('--engine <name>', "what computes (default: the run's engine)")
    .option('--device <device>', 'what it computes on: auto, cpu, gpu, webgpu or cuda:N (default: as the run did)')
    .option('--threads <n>', "threads of the engine (default: the run's)")
    .option('--max-body <bytes>', 'bytes that one request may have', String(8 * 2 ** 20))
    .option('--max-rate <n>', 'requests that one address may make a second', '1000')
    .option('--request-timeout <seconds>', 'time for a request to arrive, headers and body', '30')
    .option('--grace-period <seconds>', 'time to answer requests under way after SIGINT or SIGTERM; a second signal ends at once', '10')
    .addHelpText('after', '\nExample:\n  bpnn-dist serve runs/article --port 8080')
    .action(serve);
}

async function serve(folder: string, flags: ServeFlags): Promise<void> {
  const { loadModel } = await import('../../inference/loadModel.js');
  const { predictServer } = await import('../../inference/serve/modelServer.js');
  const { listenProblem } = await import('../../shared/http/problemAnswers.js');
  const { portOf } = await import('../../shared/http/guard.js');
  const address = dashboardAddress('--port', flags.port);
  const token = tokenFor(address);
  const limits = {
    maxBody: wholeFlag('--max-body', flags.maxBody),
    maxRate: wholeFlag('--max-rate', flags.maxRate),
    requestTimeout: wholeFlag('--request-timeout', flags.requestTimeout),
    gracePeriod: secondsFlag('--grace-period', flags.gracePeriod),
  };
  const model = await loadModel(folder, {
    say,
    weights: weightsChoice(flags.weights),
    engine: flags.engine,
    device: flags.device === undefined ? undefined : deviceOf(flags.device),
    threads: flags.threads === undefined ? undefined : wholeFlag('--threads', flags.threads),
  });
  const { app, draining } = await predictServer({ model, address, token, ...limits, log: say });
  const stop = serverStop();
  try {
    await app.listen(address).catch((error: unknown) => {
      throw new UsageError(listenProblem(address, error));
    });
    say(urlAt(address, portOf(app, address)));
    if (token !== undefined) say(`Authorization: Bearer ${token}`);
    say('Ctrl-C ends it');
    await stop.asked;
    void stop.askedAgain.then(() => {
      draining.cutShort();
      process.exit(130);
    });
    await app.close();
    if (draining.cut > 0) {
      say(`--grace-period ${flags.gracePeriod}: is over; ${draining.cut} requests were not answered`);
      // What computes for them is not waited for.
      process.exit(0);
    }
  } finally {
    stop.close();
    await app.close();
    await model.close();
  }
}
