import { availableParallelism, totalmem } from 'node:os';
import { readableText } from './textIfThere.js';

/** What the control groups of a process allow it, as containers and batch systems set them; Linux alone has them. */
export interface GroupLimits {
  /** Infinity where nothing limits it. */
  readonly memoryBytes: number;
  readonly cores: number;
  /** Processes of these groups that were killed because memory was used up, so far: of use for comparisons only. */
  readonly outOfMemoryKills: number;
}

const root = '/sys/fs/cgroup';

/**
 * The limits of a group and of all groups around it: the smallest counts (cgroups(7), versions 1 and 2). In a container
 * that has no namespace of groups, the path is that of the machine and the folder that of the container: parts of the path
 * that are not there are passed over.
 * @param memberships of /proc/PID/cgroup
 * @param read the text of a file, if it is there
 */
export function limitsOf(memberships: string, read: (path: string) => string | undefined): GroupLimits {
  let limits: GroupLimits = { memoryBytes: Number.POSITIVE_INFINITY, cores: Number.POSITIVE_INFINITY, outOfMemoryKills: 0 };
  for (const line of memberships.trim().split('\n')) {
    const [number, controllers = '', path = '/'] = line.split(':');
    const names = controllers.split(',');
    const isSecond = number === '0' && controllers === '';
    if (!isSecond && !names.includes('memory') && !names.includes('cpu')) continue;
    const bases = isSecond ? [root, `${root}/unified`] : [`${root}/${controllers}`, ...names.map((name) => `${root}/${name}`)];
    for (const base of new Set(bases)) for (const folder of withParents(base, path)) limits = smaller(limits, limitsIn(folder, read));
  }
  return limits;
}

function withParents(base: string, path: string): string[] {
  const parts = path.split('/').filter(Boolean);
  return [...parts.keys(), parts.length].map((count) => [base, ...parts.slice(0, count)].join('/'));
}

function limitsIn(folder: string, read: (path: string) => string | undefined): GroupLimits {
  const number = (name: string): number => {
    const value = Number(read(`${folder}/${name}`)?.trim() || Number.NaN);
    // No limit is `max`, -1, or the largest number of pages.
    return value > 0 && value < 2 ** 60 ? value : Number.POSITIVE_INFINITY;
  };
  const [quota, period] = (read(`${folder}/cpu.max`) ?? '').trim().split(' ').map(Number);
  const kills = /^oom_kill (\d+)$/m.exec(read(`${folder}/memory.events`) ?? read(`${folder}/memory.oom_control`) ?? '');
  return {
    memoryBytes: Math.min(number('memory.max'), number('memory.high'), number('memory.limit_in_bytes')),
    cores: Math.min(
      quota && period ? quota / period : Number.POSITIVE_INFINITY,
      number('cpu.cfs_quota_us') / number('cpu.cfs_period_us') || Number.POSITIVE_INFINITY,
    ),
    outOfMemoryKills: Number(kills?.[1] ?? 0),
  };
}

function smaller(a: GroupLimits, b: GroupLimits): GroupLimits {
  return {
    memoryBytes: Math.min(a.memoryBytes, b.memoryBytes),
    cores: Math.min(a.cores, b.cores),
    // Version 1 counts for each group alone, version 2 with those below it: what rises tells, not how much.
    outOfMemoryKills: a.outOfMemoryKills + b.outOfMemoryKills,
  };
}

export function groupLimits(): GroupLimits {
  return limitsOf(readableText('/proc/self/cgroup') ?? '', readableText);
}

/** Bytes of memory that this process may use, with all others of its group. */
export function memoryBytes(): number {
  return Math.min(totalmem(), groupLimits().memoryBytes);
}

/** Cores that this process may use: a quota of one and a half is one. */
export function usableCores(): number {
  return Math.max(1, Math.min(availableParallelism(), Math.floor(groupLimits().cores)));
}
