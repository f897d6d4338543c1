import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Teardown } from '../fixtures/cli.js';
import { type Hosts, until } from './hosts.js';

/** A real Slurm on test hosts: its controller on the first, a node on each of the others. */
export interface Slurm {
  /** What its commands need in their environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Runs one of its commands on the first host. @returns what it prints */
  run(...command: readonly string[]): string;
  /** The number of a host's slurmd. */
  slurmd(host: number): number;
  /** Starts what was killed. */
  restart(): void;
  /** Waits until all nodes are idle. */
  untilIdle(): Promise<void>;
}

/** Why it cannot run here. */
export const missingSlurm = ['slurmctld', 'slurmd', 'munged', 'mungekey'].every((name) => existsSync(`/usr/sbin/${name}`))
  ? undefined
  : 'needs Slurm (apt-get install slurmctld slurmd slurm-client munge)';

/** Everything lies in one folder, nothing in /etc, /run or /var. It ends with its hosts. */
export async function startSlurm(t: Teardown, hosts: Hosts, gpus: number): Promise<Slurm> {
  const folder = mkdtempSync(join(tmpdir(), 'slurm-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  // munged wants everyone to be able to reach its socket.
  execFileSync('chmod', ['755', folder]);
  mkdirSync(join(folder, 'state'));
  const conf = join(folder, 'slurm.conf');
  writeFileSync(conf, slurmConf(folder, hosts.addresses, gpus));
  // Slurm sets CUDA_VISIBLE_DEVICES only for GPUs with device files. Without cgroups it never opens them.
  const devices = ['null', 'zero', 'full', 'random'].slice(0, gpus).map((name) => `/dev/${name}`);
  if (gpus > 0) writeFileSync(join(folder, 'gres.conf'), `Name=gpu File=${devices.join(',')}\n`);
  const env = { SLURM_CONF: conf };
  const start = (host: number, ...command: readonly string[]): ChildProcess => {
    const [program = '', ...args] = [...hosts.enter(host), ...command];
    const child = spawn(program, args, { stdio: 'ignore', detached: true, env: { ...process.env, ...env } });
    child.unref();
    return child;
  };
  const run: Slurm['run'] = (...command) => hosts.on(0, 'env', `SLURM_CONF=${conf}`, ...command);
  execFileSync('/usr/sbin/mungekey', ['--create', `--keyfile=${join(folder, 'munge.key')}`]);
  const munge = ['key', 'sock', 'pid', 'log', 'seed'].map((kind) => join(folder, `munge.${kind}`));
  const [key, socket, pid, log, seed] = munge;
  run('/usr/sbin/munged', `--key-file=${key}`, `--socket=${socket}`, `--pid-file=${pid}`, `--log-file=${log}`, `--seed-file=${seed}`);
  start(0, '/usr/sbin/slurmctld', '-D');
  const nodes = hosts.addresses.slice(1).map((_, i) => i + 1);
  const slurmds = new Map<number, ChildProcess>();
  const restart = (): void => {
    for (const host of nodes) {
      const known = slurmds.get(host);
      if (known && known.exitCode === null && known.signalCode === null) continue;
      mkdirSync(join(folder, `slurmd-host${host + 1}`), { recursive: true });
      slurmds.set(host, start(host, '/usr/sbin/slurmd', '-D', '-N', `host${host + 1}`));
    }
  };
  const untilIdle = async (): Promise<void> => {
    const idle = (): number => run('sh', '-c', 'sinfo -hN -o %t 2> /dev/null || :').match(/^idle$/gm)?.length ?? 0;
    await until('all nodes of Slurm are idle', () => idle() === nodes.length);
  };
  restart();
  await untilIdle();
  return { env, run, slurmd: (host) => slurmds.get(host)?.pid ?? 0, restart, untilIdle };
}

function slurmConf(folder: string, addresses: readonly string[], gpus: number): string {
  const nodes = addresses.map((address, i) => ({ address, name: `host${i + 1}` })).slice(1);
  return `ClusterName=test
SlurmctldHost=host1(${addresses[0]})
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
# a requeued job waits this long (default 120 s) before it may start again
AuthInfo=socket=${folder}/munge.sock,cred_expire=5
StateSaveLocation=${folder}/state
SlurmctldPidFile=${folder}/slurmctld.pid
SlurmctldLogFile=${folder}/slurmctld.log
SlurmdSpoolDir=${folder}/slurmd-%n
SlurmdPidFile=${folder}/slurmd-%n.pid
SlurmdLogFile=${folder}/slurmd-%n.log
# no cgroups, task binding, accounting, MPI or mail
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
MailProg=/bin/true
PropagateResourceLimits=NONE
# believe the cores and memory below, not the hardware
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=100
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=1,batch_sched_delay=0
# a node that does not answer is down after this long (default 300 s)
SlurmdTimeout=10
ReturnToService=2
GresTypes=gpu
${nodes.map(({ name, address }) => `NodeName=${name} NodeAddr=${address} CPUs=8 RealMemory=64000 Gres=gpu:${gpus}`).join('\n')}
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE DefaultTime=10
`;
}
