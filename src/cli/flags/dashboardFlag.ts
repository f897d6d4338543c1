import { existsSync } from 'node:fs';
import { Option } from 'commander';
import type { RunObserver } from '../../run/runPorts.js';
import { type DashboardAddress, dashboardAddress, isLocal, newToken, tokenVariable } from '../../shared/http/access.js';
import { UsageError } from '../../shared/text/errors.js';
import { type Dashboard, dashboardRate, openDashboard } from '../screen/dashboard.js';

export function dashboardOption(): Option {
  return new Option('--dashboard [[host:]port]', 'a page that shows the run while it goes on; without a port at any that is free');
}

/** None on this machine alone; elsewhere what the user has chosen, or a random one. */
export function tokenFor(address: DashboardAddress): string | undefined {
  if (isLocal(address)) return undefined;
  const token = process.env[tokenVariable] ?? newToken();
  if (!/^[\w.~-]{16,}$/.test(token))
    throw new UsageError(`${tokenVariable}: expected at least 16 letters, digits, or . ~ _ -, got ${token.length} characters`);
  return token;
}

/** The dashboard that a flag asks for, if it does. */
export async function dashboardFor(flag: unknown, say: (line: string) => void): Promise<Dashboard | undefined> {
  if (flag === undefined) return undefined;
  const text = flag === true ? '' : String(flag);
  if (existsSync(text)) throw new UsageError(`--dashboard ${text}: expected a port, got a file; the config's file comes before the flags`);
  const address = dashboardAddress('--dashboard', text);
  const view = { address, token: tokenFor(address), maxRate: dashboardRate, places: [] };
  const dashboard = await openDashboard(view, (reason) => say(`the dashboard has failed (${reason}); training goes on`), say);
  say(`dashboard ${dashboard.url}`);
  return dashboard;
}

/** Tells a dashboard which run it is, once that has a folder. */
export function shownOn(dashboard: Dashboard | undefined, observer: RunObserver): RunObserver {
  if (!dashboard) return observer;
  return {
    ...observer,
    onListening(listening) {
      dashboard.show(listening.path);
      observer.onListening?.(listening);
    },
  };
}
