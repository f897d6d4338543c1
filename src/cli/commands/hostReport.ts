import { text } from 'node:stream/consumers';
import { Command } from 'commander';
import type { HostQuestion, HostReport } from '../../launch/hosts/hostFacts.js';
import { version } from '../../shared/system/version.js';
import { DataError, errorMessage } from '../../shared/text/errors.js';

/** What `up --hosts` asks of every host before it starts workers there; not for people. */
export function hostReportCommand(): Command {
  return new Command('host-report').description('what this machine has, for a coordinator that asks over ssh').action(async () => {
    const { machineHere } = await import('../../shared/config/machine.js');
    const question: HostQuestion = JSON.parse(await text(process.stdin));
    const { cores, gpus = 0 } = machineHere();
    const [client = ''] = (process.env['SSH_CONNECTION'] ?? '').split(' ');
    const report: HostReport = { version, node: process.version, cores, gpus, client: client || null, ...(await dataReport(question)) };
    process.stdout.write(`${JSON.stringify(report)}\n`);
  });
}

async function dataReport({ data, validationSplit }: HostQuestion): Promise<Pick<HostReport, 'fingerprint' | 'lacks' | 'problem'>> {
  const nothing = { fingerprint: null, lacks: null, problem: null };
  if (data === undefined) return nothing;
  const { fingerprintOf } = await import('../../data/fingerprint.js');
  const { cachesElsewhere } = await import('../../data/cache/place.js');
  const { loadData } = await import('../../data/openData.js');
  const { readingOf } = await import('../../data/readingMemory.js');
  const { parseConfig } = await import('../../shared/config/parseConfig.js');
  try {
    const config = parseConfig({ data, validationSplit }, 'host-report', { cores: 1 });
    const loaded = await loadData(config.data, config.validationSplit, { folders: cachesElsewhere(config.runs) }, readingOf(config));
    return { ...nothing, fingerprint: fingerprintOf(loaded) };
  } catch (error) {
    return error instanceof DataError ? { ...nothing, lacks: error.message } : { ...nothing, problem: errorMessage(error) };
  }
}
