import type { Command } from 'commander';
import type { RunOptions, RunResult } from '../run/run.js';
import { configFlags } from './configFlags.js';
import { amount, duration, figure, rate } from './format.js';
import { loadConfig } from './loadConfig.js';
import { runView } from './view.js';

/** Adds a flag for every key of a config, and --json. */
export function addConfigFlags(command: Command): Command {
  for (const { options } of configFlags()) for (const option of options) command.addOption(option);
  return command.option('--json', 'print the summary as JSON');
}

/** Trains as a config file and flags say, showing the run on stderr and its results on stdout. */
export async function runCommand(
  file: string | undefined,
  flags: Readonly<Record<string, unknown>>,
  workers: RunOptions['workers'],
): Promise<void> {
  const { config, name } = loadConfig(file, flags);
  const { run } = await import('../run/run.js');
  const view = runView(process.stderr);
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    const result = await run({
      config,
      fallbackName: name,
      workers,
      observer: view,
      signal: stop.signal,
      commandLine: process.argv.slice(2),
    });
    view.close();
    process.stdout.write(flags['json'] === true ? `${JSON.stringify(result.summary)}\n` : endText(result));
  } finally {
    view.close();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

const reasons = {
  epochs: 'all epochs are done',
  steps: 'all steps are done',
  target: 'the target loss is reached',
  earlyStopping: 'stopped early: no improvement',
} as const;

function endText({ path, summary }: RunResult): string {
  const { reason, epochs, steps, bestEpoch, seconds, samplesPerSecond, workers } = summary;
  const test = Object.entries(summary).filter(([name]) => name.startsWith('test'));
  const lines = [
    `${reasons[reason]}: ${amount(epochs, 'epoch')}, ${amount(steps, 'step')} in ${duration(seconds)}, ${rate(samplesPerSecond)}`,
    ...(bestEpoch === undefined ? [] : [`best epoch ${bestEpoch + 1}`]),
    ...(test.length === 0 ? [] : [test.map(([name, value]) => `${name} ${figure(Number(value))}`).join('  ')]),
    ...workers.map((w) => `${w.name}  computed ${w.computeSeconds.toFixed(1)} s, waited ${w.waitSeconds.toFixed(1)} s`),
    path,
  ];
  return `${lines.join('\n')}\n`;
}
