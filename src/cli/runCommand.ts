import type { Command } from 'commander';
import type { ReadConfig } from '../run/readConfig.js';
import type { RunOptions, RunResult } from '../run/runPorts.js';
import { endReasonText } from '../runFolder/endText.js';
import type { LockedResumption } from '../runFolder/resume.js';
import { machineHere } from '../shared/config/machine.js';
import { errorMessage, RunIsOver } from '../shared/text/errors.js';
import { printableLine } from '../shared/text/printable.js';
import { say } from '../shared/text/say.js';
import { traceRequest } from '../view/trace/tracedSteps.js';
import { configFlags } from './flags/configFlags.js';
import { dashboardFor, dashboardOption, shownOn } from './flags/dashboardFlag.js';
import { loadConfig } from './flags/loadConfig.js';
import { logFormatOption } from './flags/logFormat.js';
import { refuseCopies } from './process/srunCopies.js';
import { stoppable } from './process/stoppable.js';
import { amount, duration, figure, rate } from './screen/format.js';
import { jsonView } from './screen/jsonView.js';
import { print } from './screen/print.js';
import { runView } from './screen/terminalView.js';

/** Adds a flag for every key of a config, and --json. */
export function addConfigFlags(command: Command): Command {
  for (const { options } of configFlags()) for (const option of options) command.addOption(option);
  return command
    .option('--resume <run|auto>', 'go on with a run; auto: with the one that the config names or the newest of it, else start')
    .option('--measure', 'measure again which engine is the fastest, where that is left open (engine or device auto)')
    .addOption(dashboardOption())
    .option('--trace [steps]', 'write when what was done into trace.json, for Perfetto: of the first 2000 steps, 500, or 1000-1200')
    .addOption(logFormatOption())
    .option('--json', 'print the summary as JSON');
}

/** Trains as a config file and flags say, showing the run on stderr and its results on stdout. */
export async function runCommand(
  file: string | undefined,
  flags: Readonly<Record<string, unknown>>,
  workers: RunOptions['workers'],
): Promise<void> {
  const read = await loadConfig(file, flags);
  const resume = await resumption(flags['resume'], read);
  if (resume !== 'over') await trainAsRead(read, resume, flags, workers);
}

/** Trains as a config says, or goes on with a run. */
export async function trainAsRead(
  { config, missing, name }: ReadConfig,
  resume: LockedResumption | undefined,
  flags: Readonly<Record<string, unknown>>,
  workers: RunOptions['workers'],
): Promise<void> {
  if (config.name === undefined && flags['resume'] === undefined) refuseCopies(process.env);
  if (resume === undefined && missing !== undefined) throw missing;
  const { run } = await import('../run/run.js');
  const logFormat = flags['logFormat'] === 'json' ? 'json' : 'human';
  const view = logFormat === 'json' ? jsonView(process.stderr) : runView(process.stderr);
  const trace = flags['trace'] === undefined ? undefined : traceRequest('--trace', flags['trace'] === true ? '' : String(flags['trace']));
  const dashboard = await dashboardFor(flags['dashboard'], (line) => view.onNotice?.(line));
  const stop = stoppable((resume?.config ?? config).gracePeriod, (line) => view.onNotice?.(line));
  try {
    const result = await run({
      config: resume?.config ?? config,
      resume,
      fallbackName: name,
      workers,
      observer: shownOn(dashboard, view),
      signal: stop.signal,
      measuresAnew: flags['measure'] === true,
      trace,
      logFormat,
      commandLine: process.argv.slice(2),
    });
    view.close();
    print(flags['json'] === true ? JSON.stringify(result.summary) : endText(result));
    await dashboard?.close(null);
  } catch (error) {
    await dashboard?.close(errorMessage(error));
    throw error;
  } finally {
    view.close();
    stop.close();
  }
}

/**
 * The run that --resume names, if it does, locked. One that is over is no error: whoever starts it again and again,
 * as clusters do, has got what they wanted.
 */
export async function resumption(which: unknown, { config, given, name }: ReadConfig): Promise<LockedResumption | 'over' | undefined> {
  if (typeof which !== 'string') return undefined;
  const { findRun, takeResumption } = await import('../runFolder/resume.js');
  const path = findRun(which, config.runs, config.name, name);
  if (path === undefined) return undefined;
  try {
    return await takeResumption(path, given, machineHere());
  } catch (error) {
    if (!(error instanceof RunIsOver)) throw error;
    say(error.message);
    return 'over';
  }
}

function endText({ path, summary, plan, stopping }: RunResult): string {
  const { reason, epochs, steps, bestEpoch, noiseScale, seconds, samplesPerSecond, workers } = summary;
  const test = Object.entries(summary).filter(([name]) => name.startsWith('test'));
  const lines = [
    `${endReasonText(reason, plan.config, stopping)}: ${amount(epochs, 'epoch')}, ${amount(steps, 'step')} in ${duration(seconds)}, ${rate(samplesPerSecond)}`,
    ...(bestEpoch === undefined ? [] : [`best epoch ${bestEpoch + 1}`]),
    ...(test.length === 0 ? [] : [test.map(([name, value]) => `${name} ${figure(Number(value))}`).join('  ')]),
    ...(noiseScale === null ? [] : [`noise scale about ${Number(noiseScale.toPrecision(2))}: a global batch beyond that buys little`]),
    ...workers.map((w) => `${printableLine(w.name)}  computed ${w.computeSeconds.toFixed(1)} s, waited ${w.waitSeconds.toFixed(1)} s`),
    path,
  ];
  return lines.join('\n');
}
