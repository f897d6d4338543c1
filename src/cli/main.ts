#!/usr/bin/env node
import '../shared/system/debuggerPort.js';
import { setFlagsFromString } from 'node:v8';
import { Command, CommanderError } from 'commander';
import { spareAddressesOfChildren } from '../shared/system/addressSpace.js';
import { refuseWindows } from '../shared/system/platform.js';
import { version } from '../shared/system/version.js';
import { DataError, errorCode, Interrupted, ProtocolError, RunError, UsageError } from '../shared/text/errors.js';
import { type LogFormat, logLine } from '../shared/text/logLine.js';
import { say } from '../shared/text/say.js';
import { refuseSurplus } from './flags/surplusArguments.js';
import { heedNohup, nohupOption } from './process/nohup.js';

// Every tensor that ZeroMQ receives is memory outside the heap. V8 counts it and, with a heap as small as ours, would
// mark all of it every dozen steps, which takes a quarter of the time; so let the heap grow further between two passes.
setFlagsFromString('--heap-growing-percent=2000');
// A step runs each function a few times: V8 of Node 20 would take thousands of steps to find out which are worth
// compiling. Later ones count calls, do without being told, and complain of a flag that they do not know.
if (Number.parseInt(process.versions.v8, 10) < 12) setFlagsFromString('--interrupt-budget=8000');

/** What writing to a terminal that was closed ends in. */
const terminalGone = 'EIO';

spareAddressesOfChildren();

const commands: Readonly<Record<string, () => Promise<Command>>> = {
  up: async () => (await import('./commands/up.js')).upCommand(),
  coordinator: async () => (await import('./commands/coordinator.js')).coordinatorCommand(),
  worker: async () => (await import('./commands/worker.js')).workerCommand(),
  aggregator: async () => (await import('./commands/aggregator.js')).aggregatorCommand(),
  evaluate: async () => (await import('./commands/evaluate.js')).evaluateCommand(),
  predict: async () => (await import('./commands/predict.js')).predictCommand(),
  export: async () => (await import('./commands/export.js')).exportCommand(),
  serve: async () => (await import('./commands/serve.js')).serveCommand(),
  inspect: async () => (await import('./commands/inspect.js')).inspectCommand(),
  keygen: async () => (await import('./commands/keygen.js')).keygenCommand(),
  scale: async () => (await import('./commands/scale.js')).scaleCommand(),
  slurm: async () => (await import('./commands/slurm.js')).slurmCommand(),
  netcheck: async () => (await import('./commands/netcheck.js')).netcheckCommand(),
  view: async () => (await import('./commands/view.js')).viewCommand(),
  setup: async () => (await import('./commands/setup.js')).setupCommand(),
  doctor: async () => (await import('./commands/doctor.js')).doctorCommand(),
  'host-report': async () => (await import('./commands/hostReport.js')).hostReportCommand(),
};

/** Those that may outlive the terminal they were started on. */
const longCommands: ReadonlySet<string> = new Set(['up', 'coordinator', 'worker', 'aggregator', 'scale', 'serve', 'predict', 'view']);

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
  const text =
    error instanceof Error ? (isExpected || isSystemError(error) ? error.message : (error.stack ?? error.message)) : String(error);
  const line = `${error instanceof Interrupted ? '' : 'error: '}${text}`;
  say(logFormat === 'json' ? logLine('json', 'bpnn-dist', line) : line);
}

/** Is it the machine that says no, or a limit of Node.js, and not us? The message names the call and the file, or the limit. */
function isSystemError(error: Error): boolean {
  if ('syscall' in error && errorCode(error) !== '') return true;
  const limits = /Invalid (typed array|array|string) length|Array buffer allocation failed|call stack/;
  return errorCode(error) === 'ERR_STRING_TOO_LONG' || (error instanceof RangeError && limits.test(error.message));
}

const program = new Command('bpnn-dist')
  .description('Trains multilayer perceptrons by synchronous data parallelism: the same weights, bit for bit, at any number of workers.')
  .version(version)
  // Flags behind a command are that command's.
  .enablePositionalOptions()
  .showHelpAfterError('(bpnn-dist COMMAND --help shows every flag)');
// A worker loads half as many files where nothing but its own command is loaded; whoever asks for help sees all.
const [, , asked = ''] = process.argv;
for (const name of Object.hasOwn(commands, asked) ? [asked] : Object.keys(commands)) {
  const command = await commands[name]?.();
  if (command) program.addCommand(command, { hidden: command.name() === 'host-report' });
}
for (const command of program.commands) if (longCommands.has(command.name())) command.addOption(nohupOption());
program.hook('preAction', (_, command) => {
  const options = command.opts<{ logFormat?: LogFormat; nohup?: true }>();
  ({ logFormat } = options);
  if (longCommands.has(command.name())) heedNohup(options.nohup === true);
  refuseSurplus(command);
});
// Errors end here, in one place, and none of commander's own exits cuts a message short.
for (const command of [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)]) {
  // Surplus arguments are refused with their likely reason.
  command.exitOverride().allowExcessArguments();
}

// Whoever read our results has had enough, as `head` does.
process.stdout.on('error', (error) => {
  if (errorCode(error) === 'EPIPE') process.exit(0);
  if (errorCode(error) !== terminalGone) throw error;
});
// Nobody reads it any more.
process.stderr.on('error', () => undefined);

try {
  refuseWindows(process.platform);
  await program.parseAsync();
} catch (error) {
  report(error);
  process.exitCode = exitCode(error);
}
