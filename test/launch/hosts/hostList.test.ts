import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { parseHosts, readHostFile } from '../../../src/launch/hosts/hostList.js';

test('hosts on the command line', async (t) => {
  t.same(parseHosts('--hosts', 'node1:4, me@node-2.example.org,10.0.0.7:2,[fd00::7]:3,me@[fe80::1%eth0]'), [
    { name: 'node1', slots: 4 },
    { name: 'me@node-2.example.org', slots: undefined },
    { name: '10.0.0.7', slots: 2 },
    { name: 'fd00::7', slots: 3 },
    { name: 'me@fe80::1%eth0', slots: undefined },
  ]);
});

test('what is no host', async (t) => {
  for (const text of [
    '',
    'node1,',
    'node1:0',
    'node1:x',
    '-oProxyCommand=evil',
    'a b',
    'node1:4:2',
    'node;reboot',
    'fd00::7',
    '[fd00::7',
    '[node1]:3',
    '-F@x',
    '-F@x:1',
    'me@-x',
    'a\nb',
  ]) {
    t.throws(
      () => parseHosts('--hosts', text),
      { name: 'UsageError', message: /^--hosts: expected a host such as node1, node1:4, me@node1 or \[fd00::7\]:4, got [^\n]*$/ },
      text,
    );
  }
  t.throws(() => parseHosts('--hosts', 'a:2,b,a'), { message: '--hosts: a stands there twice; name it once, with all its workers' });
});

test('a file of hosts, as mpirun reads them', async (t) => {
  const path = join(t.testdir(), 'hosts');
  writeFileSync(path, '# rack 1\nnode1 slots=4\nnode2:2\n\nnode3   # the slow one\n');
  t.same(readHostFile(path), [
    { name: 'node1', slots: 4 },
    { name: 'node2', slots: 2 },
    { name: 'node3', slots: undefined },
  ]);
  writeFileSync(path, '-F@x slots=1\n');
  t.throws(() => readHostFile(path), { name: 'UsageError', message: /got "-F@x:1"$/ });
  writeFileSync(path, '# none\n');
  t.throws(() => readHostFile(path), { name: 'UsageError', message: `--hostfile: ${path} names no host` });
  t.throws(() => readHostFile(join(path, 'x')), { name: 'UsageError', message: /cannot be read \(ENOTDIR\)/ });
});
