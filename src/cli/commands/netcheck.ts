import { hostname } from 'node:os';
import { text } from 'node:stream/consumers';
import { Command } from 'commander';
import type { ReadyHost } from '../../launch/hosts/checkHosts.js';
import type { RemoteCommand } from '../../launch/hosts/ssh.js';
import type { CheckOptions, NetworkFigures } from '../../netcheck/check.js';
import { buildNetwork } from '../../shared/model/network.js';
import { version } from '../../shared/system/version.js';
import { RunError, UsageError } from '../../shared/text/errors.js';
import { say } from '../../shared/text/say.js';
import { quoted } from '../../shared/text/shellWord.js';
import { textTable } from '../../shared/text/textTable.js';
import { addressAt, isLoopback, parseAddress } from '../../shared/transport/address.js';
import { type RunKeys, readKeys } from '../../shared/transport/keys.js';
import { addHostFlags, everywhere, type HostFlags, hostsIn, seenFrom, sshOf } from '../flags/hostsFlag.js';
import { loadConfig } from '../flags/loadConfig.js';
import { keysOf } from '../flags/workerFlags.js';
import { print } from '../screen/print.js';

interface NetcheckFlags extends HostFlags {
  readonly connect?: string;
  readonly key?: string;
  readonly workers?: string;
  readonly peerName?: string;
  readonly json?: boolean;
}

export function netcheckCommand(): Command {
  const command = new Command('netcheck')
    .description('measure the network between this machine and others: latency, rates both ways, clocks')
    .argument('[config]', 'YAML file of the run that is meant, to tell what a step of it would take')
    .option('--workers <n>', 'without hosts: wait at --bind for so many machines that are called with --connect')
    .option('--connect <address>', 'be one of those machines')
    .option('--key <file>', 'key file, as bpnn-dist keygen writes it, for machines without ssh; - reads it from standard input')
    .option('--peer-name <name>', 'what this machine is called in the table')
    .option('--json', 'print the figures as JSON')
    .addHelpText(
      'after',
      `
What is measured is what a run gets: over its sockets, encrypted, in messages of 1 MiB.

Examples:
  bpnn-dist netcheck --hosts node1,node2
  bpnn-dist netcheck examples/article.yaml --bind tcp://0.0.0.0:5555 --key run.key --workers 2
  bpnn-dist netcheck --connect tcp://node0:5555 --key run.key`,
    );
  return addHostFlags(command).action(netcheck);
}

/** Seconds to wait for machines that people start by hand, and for those that ssh starts. */
const byHandTimeout = 600;
const hostTimeout = 60;

async function netcheck(file: string | undefined, flags: NetcheckFlags): Promise<void> {
  if (flags.connect !== undefined) {
    const { answerNetcheck } = await import('../../netcheck/peer.js');
    const keys = await keysOf(flags.key);
    await answerNetcheck({ coordinator: { address: flags.connect }, keys, name: flags.peerName, connectTimeout: hostTimeout, say });
    process.stdin.destroy();
    return;
  }
  const parameters = file === undefined ? undefined : buildNetwork((await loadConfig(file, {})).config.model).layout.size;
  const figures = flags.workers === undefined ? await overSsh(flags, say) : await byHand(flags, say);
  print(flags.json === true ? JSON.stringify(figures) : await report(figures, parameters));
}

/** Starts the other sides over ssh, all at once. */
async function overSsh(flags: NetcheckFlags, say: (line: string) => void): Promise<NetworkFigures> {
  const hosts = await hostsIn(flags);
  if (!hosts) throw new UsageError('netcheck: expected --hosts or --hostfile, or --bind with --workers, or --connect');
  const { checkHosts } = await import('../../launch/hosts/checkHosts.js');
  const { startOn } = await import('../../launch/hosts/ssh.js');
  const { newKeys } = await import('../../shared/transport/newKeys.js');
  const ssh = sshOf(flags);
  const ready = await checkHosts(hosts, ssh, {}, { version, node: process.version, fingerprint: undefined }, hostTimeout);
  const keys = newKeys();
  const children: RemoteCommand[] = [];
  try {
    return await measured({ address: flags.bind ?? everywhere, keys, count: ready.length, timeout: hostTimeout, say }, (bound) => {
      const ends = ready.map((host) => {
        const child = startOn(
          ssh,
          host.name,
          ['netcheck', '--connect', seenFrom(host, bound), '--key', '-', '--peer-name', host.name],
          false,
        );
        children.push(child);
        child.stdin.on('error', () => undefined).write(`${JSON.stringify(keys)}\n`);
        return failureOf(host, child);
      });
      return Promise.race(ends);
    });
  } finally {
    for (const child of children) child.stdin.end();
  }
}

/** Never resolves: rejects where the other side ends before it is told to. */
async function failureOf({ name }: ReadyHost, child: RemoteCommand): Promise<never> {
  const [said, code] = await Promise.all([
    text(child.stderr),
    new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve)),
  ]);
  if (code !== 0) throw new RunError(`${name}: ${said.trim() || `ended with exit code ${code}`}`);
  return new Promise<never>(() => undefined);
}

/** Waits for machines that people start. */
function byHand({ bind, key, workers }: NetcheckFlags, say: (line: string) => void): Promise<NetworkFigures> {
  const count = Number(workers);
  if (!Number.isInteger(count) || count < 1) throw new UsageError(`--workers: expected a number of machines, got ${workers}`);
  if (bind === undefined) throw new UsageError('--workers: expected with --bind, the address to wait at');
  const keys = key === undefined ? undefined : readKeys(key);
  if (!keys && !isLoopback(parseAddress(bind)))
    throw new UsageError(`--bind ${bind}: other machines reach this address, so it needs --key FILE (bpnn-dist keygen FILE writes one)`);
  return measured({ address: bind, keys, count, timeout: byHandTimeout, say }, (bound) => {
    say(
      `waiting for ${count}; on each: bpnn-dist netcheck --connect ${addressAt(bound, hostname())}${key === undefined ? '' : ` --key ${quoted(key)}`}`,
    );
    return undefined;
  });
}

interface Place extends Omit<CheckOptions, 'hub' | 'failed'> {
  readonly address: string;
  readonly keys: RunKeys | undefined;
}

async function measured(
  { address, keys, ...options }: Place,
  start: (bound: string) => Promise<never> | undefined,
): Promise<NetworkFigures> {
  const { openHub } = await import('../../shared/transport/hub.js');
  const { checkNetwork } = await import('../../netcheck/check.js');
  const { frameBytes } = await import('../../netcheck/messages.js');
  const hub = await openHub({ address, maxFrameBytes: frameBytes + 64, keys, onTurnedAway: options.say });
  try {
    const failed = start(hub.address);
    return await checkNetwork({ ...options, hub, ...(failed && { failed }) });
  } finally {
    await hub.close();
  }
}

async function report(figures: NetworkFigures, parameters: number | undefined): Promise<string> {
  const { mbit, verdictOn, verdictOnAll } = await import('../../netcheck/verdict.js');
  const { peers, toAllMbit, fromAllMbit } = figures;
  const rows = peers.map((peer) => [
    peer.name,
    `${peer.roundTripMs.toFixed(2)} ms`,
    `${peer.roundTripP99Ms.toFixed(2)} ms`,
    mbit(peer.toMbit),
    mbit(peer.fromMbit),
    `${peer.clockMs >= 0 ? '+' : ''}${peer.clockMs.toFixed(1)} ± ${peer.clockErrorMs.toFixed(1)} ms`,
    verdictOn(
      peer,
      peers.filter((other) => other !== peer),
    ),
  ]);
  const head = ['host', 'there and back', '99 %', 'to it', 'from it', 'its clock', ''];
  const all = peers.length > 1 ? [['all at once', '', '', mbit(toAllMbit), mbit(fromAllMbit), '', '']] : [];
  return [textTable([head, ...rows, ...all]), ...verdictOnAll(figures, parameters)].join('\n');
}
