import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { quoted, refuseControls } from '../../shared/text/shellWord.js';

/** How commands are run on other machines. Both are texts for a shell: the one here, and the one there. */
export interface Ssh {
  /** The client with its options, such as `ssh -p 2222`. */
  readonly client: string;
  /** What `bpnn-dist` is there. */
  readonly command: string;
}

/**
 * Never asks for anything, says nothing but errors, gives a host that does not answer ten seconds, and ends within a quarter
 * of a minute when the connection is dead. A connection that is shared with others would end with them. Options of the
 * user's come first, and the first counts.
 */
const options = [
  '-T',
  ...['BatchMode=yes', 'LogLevel=ERROR', 'ConnectTimeout=10', 'ServerAliveInterval=5', 'ServerAliveCountMax=3'].flatMap(asOption),
  ...['ControlMaster=no', 'ControlPath=none'].flatMap(asOption),
];

function asOption(text: string): string[] {
  return ['-o', text];
}

export type RemoteCommand = ChildProcessByStdio<Writable, Readable, Readable>;

/**
 * Runs a bpnn-dist command on a host. It must not outlive its client, whatever it does: but a remote command hears of its
 * client's end only by its standard input, and one that hangs does not hear it. So a shell reads that, tells the command to
 * end (SIGTERM), and ends it by force, with all that it has started. What the command itself reads is the first line alone.
 * @throws UsageError for a control character in any of it
 * @param isDetached in a process group of its own, which a Ctrl-C does not reach
 */
export function startOn({ client, command }: Ssh, host: string, args: readonly string[], isDetached: boolean): RemoteCommand {
  for (const word of [client, command, host, ...args]) refuseControls('a command for another host', word);
  const line = `exec sh -c ${quoted(watched(`${command} ${args.map(quoted).join(' ')}`))}`;
  return spawn('sh', ['-c', `exec ${client} "$@"`, 'sh', ...options, '--', host, line], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: isDetached,
  });
}

/** A command that ends when its input does. In one line, and with a blank behind every `!`: csh, which may be the one to read it, takes quoted text so. */
function watched(command: string): string {
  return [
    'IFS= read -r line; exec 3<&0',
    `printf "%s\\\\n" "$line" | ${command} & worker=$! `,
    'exec 2>/dev/null',
    '(cat >/dev/null; trap : TERM; kill -TERM $worker; tries=0; while kill -0 $worker && [ $tries -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done; sleep 0.1; kill -KILL 0) <&3 & watcher=$! ',
    'wait $worker; code=$?; kill $watcher; exit $code',
  ].join('; ');
}
