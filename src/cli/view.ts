import { Command } from 'commander';
import { dashboardAddress } from '../shared/access.js';
import { RunError } from '../shared/errors.js';
import { openDashboard } from './dashboard.js';
import { tokenFor } from './dashboardFlag.js';

export function viewCommand(): Command {
  return new Command('view')
    .description('show runs in a browser, finished or under way, laid over each other')
    .argument('<runs...>', 'folders of runs, or folders that hold them, such as runs')
    .option('--port <[host:]port>', 'where to listen; other machines than this one need the token in the address', '')
    .addHelpText('after', '\nExamples:\n  bpnn-dist view runs/article\n  bpnn-dist view runs --port 8080')
    .action(viewRuns);
}

async function viewRuns(places: readonly string[], { port }: { readonly port: string }): Promise<void> {
  const address = dashboardAddress('--port', port);
  let onEnd: (error?: Error) => void = () => undefined;
  const over = new Promise<void>((resolve, reject) => {
    onEnd = (error) => (error ? reject(error) : resolve());
  });
  const dashboard = await openDashboard({ address, token: tokenFor(address), places }, (reason) =>
    onEnd(new RunError(`the dashboard has failed: ${reason}`)),
  );
  // A listener for signals keeps no process alive.
  const alive = setInterval(() => undefined, 60_000);
  process.once('SIGINT', () => onEnd()).once('SIGTERM', () => onEnd());
  process.stderr.write(`${dashboard.url}\nCtrl-C ends it\n`);
  try {
    await over;
    await dashboard.close(null);
  } finally {
    clearInterval(alive);
  }
}
