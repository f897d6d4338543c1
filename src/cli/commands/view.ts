import { Command } from 'commander';
import { dashboardAddress } from '../../shared/http/access.js';
import { RunError } from '../../shared/text/errors.js';
import { say } from '../../shared/text/say.js';
import { tokenFor } from '../flags/dashboardFlag.js';
import { wholeFlag } from '../flags/wholeFlag.js';
import { serverStop } from '../process/serverStop.js';
import { dashboardRate, openDashboard } from '../screen/dashboard.js';

export function viewCommand(): Command {
  return new Command('view')
    .description('show runs in a browser, finished or under way, laid over each other')
    .argument('<runs...>', 'folders of runs, or folders that hold them, such as runs')
    .option('--port <[host:]port>', 'where to listen; other machines than this one need the token in the address', '')
    .option('--max-rate <n>', 'requests that one address may make a second', String(dashboardRate))
    .addHelpText('after', '\nExamples:\n  bpnn-dist view runs/article\n  bpnn-dist view runs --port 8080')
    .action(viewRuns);
}

interface ViewFlags {
  readonly port: string;
  readonly maxRate: string;
}

async function viewRuns(places: readonly string[], flags: ViewFlags): Promise<void> {
  const address = dashboardAddress('--port', flags.port);
  const view = { address, token: tokenFor(address), maxRate: wholeFlag('--max-rate', flags.maxRate), places };
  let onCrash: (reason: string) => void = () => undefined;
  const crashed = new Promise<never>((_, reject) => {
    onCrash = (reason) => reject(new RunError(`the dashboard has failed: ${reason}`));
  });
  const dashboard = await openDashboard(view, onCrash, say);
  const stop = serverStop();
  say(dashboard.url);
  say('Ctrl-C ends it');
  try {
    await Promise.race([stop.asked, crashed]);
    void stop.askedAgain.then(() => process.exit(130));
    await dashboard.close(null);
  } finally {
    stop.close();
  }
}
