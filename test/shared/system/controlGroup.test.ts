import { test } from 'tap';
import { type GroupLimits, limitsOf } from '../../../src/shared/system/controlGroup.js';

const none = { memoryBytes: Number.POSITIVE_INFINITY, cores: Number.POSITIVE_INFINITY, outOfMemoryKills: 0 };

function limits(memberships: string, files: Readonly<Record<string, string>>): GroupLimits {
  return limitsOf(memberships, (path) => (path.startsWith('/sys/fs/cgroup/') ? files[path.slice('/sys/fs/cgroup/'.length)] : undefined));
}

test('version 2: the smallest limit of a group and those around it', async (t) => {
  const files = {
    'a/memory.max': '629145600\n',
    'a/b/memory.max': 'max\n',
    'a/b/memory.high': '700000000\n',
    'a/cpu.max': 'max 100000\n',
    'a/b/cpu.max': '150000 100000\n',
    'a/memory.events': 'low 0\nhigh 3\nmax 9\noom 2\noom_kill 2\noom_group_kill 0\n',
  };
  t.same(limits('0::/a/b\n', files), { memoryBytes: 629_145_600, cores: 1.5, outOfMemoryKills: 2 });
  t.same(limits('0::/\n', files), none);
  t.same(limits('0::/\n', { 'memory.max': '1000000\n' }), { ...none, memoryBytes: 1e6 }, 'a container with a namespace of groups');
});

test('version 1: a hierarchy for each controller', async (t) => {
  const memberships = '11:memory:/job/7\n4:cpu,cpuacct:/job/7\n1:name=systemd:/init.scope\n0::/init.scope\n';
  const files = {
    'memory/memory.limit_in_bytes': '9223372036854771712\n',
    'memory/job/memory.limit_in_bytes': '629145600\n',
    'memory/job/7/memory.limit_in_bytes': '9223372036854771712\n',
    'memory/job/7/memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 1\n',
    'cpu,cpuacct/job/7/cpu.cfs_quota_us': '200000\n',
    'cpu,cpuacct/job/7/cpu.cfs_period_us': '100000\n',
    'cpu,cpuacct/cpu.cfs_quota_us': '-1\n',
    'cpu,cpuacct/cpu.cfs_period_us': '100000\n',
  };
  t.same(limits(memberships, files), { memoryBytes: 629_145_600, cores: 2, outOfMemoryKills: 1 });
  const container = { 'memory/memory.limit_in_bytes': '1000000\n' };
  t.same(limits('11:memory:/docker/abc\n', container), { ...none, memoryBytes: 1e6 }, "the machine's path in a container's folder");
});

test('a system without control groups', async (t) => {
  t.same(limits('', {}), none);
});
