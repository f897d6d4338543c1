import type { Command } from 'commander';
import type { ReadyHost } from '../../launch/hosts/checkHosts.js';
import type { Host } from '../../launch/hosts/hostList.js';
import type { Ssh } from '../../launch/hosts/ssh.js';
import type { Launcher } from '../../launch/launcher.js';
import { ownCommand } from '../../launch/ownCommand.js';
import type { RemoteWorkers } from '../../run/endpoint.js';
import type { Config } from '../../shared/config/configSchema.js';
import { plainConfig } from '../../shared/config/plainConfig.js';
import { wantsAggregators } from '../../shared/config/topology.js';
import { version } from '../../shared/system/version.js';
import { UsageError } from '../../shared/text/errors.js';
import { quoted } from '../../shared/text/shellWord.js';
import { addressAt, isEverywhere, isIpv6, isLoopback, parseAddress } from '../../shared/transport/address.js';
import { kebab } from './configFlags.js';

export interface HostFlags {
  readonly hosts?: string;
  readonly hostfile?: string;
  readonly ssh?: string;
  readonly remoteCommand?: string;
  readonly bind?: string;
}

export function addHostFlags(command: Command): Command {
  return command
    .option('--hosts <host:n,...>', 'start the workers over ssh: so many on each host, else one a GPU or core')
    .option('--hostfile <file>', 'the same, a host a line: node1 slots=4')
    .option('--ssh <command>', 'the ssh client with its options (default: ssh)')
    .option('--remote-command <command>', 'what bpnn-dist is on the hosts (default: the same path as here)')
    .option('--bind <address>', 'where to listen for workers on hosts (default: tcp://0.0.0.0:0, at all addresses, any free port)');
}

export const everywhere = 'tcp://0.0.0.0:0';

/** The hosts that flags name; undefined where they name none. @throws UsageError, before anybody is asked */
export async function hostsIn(flags: HostFlags): Promise<Host[] | undefined> {
  const { parseHosts, readHostFile } = await import('../../launch/hosts/hostList.js');
  if (flags.hosts !== undefined && flags.hostfile !== undefined)
    throw new UsageError('--hosts and --hostfile: expected one of them, got both');
  if (flags.hosts === undefined && flags.hostfile === undefined) {
    const [useless] = (['ssh', 'remoteCommand', 'bind'] as const).filter((name) => flags[name] !== undefined);
    if (useless === undefined) return undefined;
    throw new UsageError(`--${kebab([useless])}: expected with --hosts or --hostfile; workers of this machine are reached without`);
  }
  const bind = parseAddress(flags.bind ?? everywhere);
  if (bind.kind !== 'tcp' || isLoopback(bind)) throw new UsageError(`--bind ${flags.bind}: expected an address that the hosts can reach`);
  return flags.hosts === undefined ? readHostFile(flags.hostfile ?? '') : parseHosts('--hosts', flags.hosts);
}

export interface HostWorkers {
  /** Workers on all hosts together. */
  readonly count: number;
  /** Of those, the first `wanted` are started. */
  readonly workers: (wanted: number) => RemoteWorkers;
}

/**
 * Asks hosts what they have, and whether it is what a run with this config needs.
 * @throws UsageError with a table of what is missing where
 */
export async function hostWorkers(hosts: readonly Host[], flags: HostFlags, config: Config): Promise<HostWorkers> {
  const { checkHosts } = await import('../../launch/hosts/checkHosts.js');
  const { sshLauncher } = await import('../../launch/hosts/sshLauncher.js');
  const { fingerprintOf } = await import('../../data/fingerprint.js');
  const { cachesOf } = await import('../../data/cache/place.js');
  const { readingOf } = await import('../../data/readingMemory.js');
  const { loadData } = await import('../../data/openData.js');
  const ssh = sshOf(flags);
  const { validationSplit, prepareTimeout } = config;
  const data = await loadData(config.data, validationSplit, { folders: cachesOf(config.runs) }, readingOf(config));
  const expected = { version, node: process.version, fingerprint: fingerprintOf(data) };
  const ready = await checkHosts(hosts, ssh, { data: plainConfig(config)['data'], validationSplit }, expected, prepareTimeout);
  const address = flags.bind ?? everywhere;
  for (const host of ready) seenFrom(host, address);
  const places = ready.flatMap((host) => Array.from({ length: host.slots }, (_, index) => ({ host, index })));
  return {
    count: places.length,
    workers: (wanted) => {
      const started = places.slice(0, wanted);
      return {
        ...{ address, keys: 'new' as const },
        launch: ({ address: bound, ...endpoint }) => {
          const used = ready.filter((host) => started.some((place) => place.host === host));
          const launcher = (role: 'worker' | 'aggregator', host: ReadyHost, index: number): Launcher => {
            const count = started.filter((place) => place.host === host).length;
            return sshLauncher({ ...endpoint, role, ssh, host: host.name, count, index, address: seenFrom(host, bound) });
          };
          const needed = wantsAggregators(config, started.length, used.length);
          return {
            workers: started.map(({ host, index }) => launcher('worker', host, index)),
            aggregators: needed ? used.map((host) => launcher('aggregator', host, 0)) : [],
          };
        },
      };
    },
  };
}

/** How commands are run on hosts. */
export function sshOf({ ssh = 'ssh', remoteCommand }: HostFlags): Ssh {
  return { client: ssh, command: remoteCommand ?? ownCommand().map(quoted).join(' ') };
}

/** The coordinator's address for a host: of one that listens everywhere, the one that the host's ssh came from. */
export function seenFrom({ name, coordinator }: ReadyHost, address: string): string {
  if (!isEverywhere(parseAddress(address))) return address;
  if (coordinator === undefined)
    throw new UsageError(`${name}: its ssh does not say where it was called from; name this machine's address with --bind`);
  if (coordinator.includes(':') && !isIpv6(address)) {
    throw new UsageError(
      `${name}: its ssh came from ${coordinator}, but ${address} is IPv4; use --bind 'tcp://[::]:0', --ssh 'ssh -4', or name an address with --bind`,
    );
  }
  return addressAt(address, coordinator);
}
