#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';
import { Command, CommanderError } from 'commander';
import { DataError, errorCode, Interrupted, ProtocolError, RunError, UsageError } from '../shared/errors.js';
import { type LogFormat, logLine } from '../shared/logLine.js';
import { refuseWindows } from '../shared/transport.js';
import { version } from '../shared/version.js';
import { aggregatorCommand } from './aggregator.js';
import { coordinatorCommand } from './coordinator.js';
import { doctorCommand } from './doctor.js';
import { evaluateCommand } from './evaluate.js';
import { exportCommand } from './export.js';
import { hostReportCommand } from './hostReport.js';
import { inspectCommand } from './inspect.js';
import { keygenCommand } from './keygen.js';
import { netcheckCommand } from './netcheck.js';
import { predictCommand } from './predict.js';
import { scaleCommand } from './scale.js';
import { serveCommand } from './serve.js';
import { setupCommand } from './setup.js';
import { slurmCommand } from './slurm.js';
import { upCommand } from './up.js';
import { viewCommand } from './view.js';
import { workerCommand } from './worker.js';

// Every tensor that ZeroMQ receives is memory outside the heap. V8 counts it and, with a heap as small as ours, would
// mark all of it every dozen steps, which takes a quarter of the time; so let the heap grow further between two passes.
setFlagsFromString('--heap-growing-percent=2000');
// A step runs each function a few times: V8 of Node 20 would take thousands of steps to find out which are worth
// compiling. Later ones count calls, do without being told, and complain of a flag that they do not know.
if (Number.parseInt(process.versions.v8, 10) < 12) setFlagsFromString('--interrupt-budget=8000');

/** 0 done; 1 the run failed; 2 wrong use; 130 interrupted. */
function exitCode(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof UsageError) return 2;
  return error instanceof Interrupted ? 130 : 1;
}

/** Set once a command is known. */
let logFormat: LogFormat | undefined;

/** What is a person's to mend is one message; anything else is ours, with its stack. */
function report(error: unknown): void {
  if (error instanceof CommanderError) return;
  const isExpected = [UsageError, RunError, DataError, ProtocolError, Interrupted].some((kind) => error instanceof kind);
  const text = error instanceof Error ? (isExpected ? error.message : (error.stack ?? error.message)) : String(error);
  const line = `${error instanceof Interrupted ? '' : 'error: '}${text}`;
  process.stderr.write(`${logFormat === 'json' ? logLine('json', 'bpnn-dist', line) : line}\n`);
}

const program = new Command('bpnn-dist')
  .description('Trains multilayer perceptrons by synchronous data parallelism: the same weights, bit for bit, at any number of workers.')
  .version(version)
  // Flags behind a command are that command's.
  .enablePositionalOptions()
  .showHelpAfterError('(bpnn-dist COMMAND --help shows every flag)');
for (const command of [
  upCommand(),
  coordinatorCommand(),
  workerCommand(),
  aggregatorCommand(),
  evaluateCommand(),
  predictCommand(),
  exportCommand(),
  serveCommand(),
  inspectCommand(),
  keygenCommand(),
  scaleCommand(),
  slurmCommand(),
  netcheckCommand(),
  viewCommand(),
  setupCommand(),
  doctorCommand(),
])
  program.addCommand(command);
program.addCommand(hostReportCommand(), { hidden: true });
program.hook('preAction', (_, command) => {
  ({ logFormat } = command.opts<{ logFormat?: LogFormat }>());
});
// Errors end here, in one place, and none of commander's own exits cuts a message short.
for (const command of [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)]) command.exitOverride();

// Whoever read our results has had enough, as `head` does.
process.stdout.on('error', (error) => {
  if (errorCode(error) !== 'EPIPE') throw error;
  process.exit(0);
});

try {
  refuseWindows(process.platform);
  await program.parseAsync();
} catch (error) {
  report(error);
  process.exitCode = exitCode(error);
}
