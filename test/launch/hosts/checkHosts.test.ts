import { test } from 'tap';
import { problemsOf } from '../../../src/launch/hosts/checkHosts.js';
import type { HostReport } from '../../../src/launch/hosts/hostFacts.js';

const expected = { version: '1.2.3', node: 'v22.1.0', fingerprint: undefined };
const report: HostReport = {
  ...{ version: '1.2.3', node: 'v22.9.0', cores: 2, gpus: 0, client: null, fingerprint: null, lacks: null, problem: null },
};

test('many times the cores of a host is a mistake, such as a port', async (t) => {
  const problems = (slots: number | undefined): string[] => problemsOf({ host: { name: 'node', slots }, report }, expected);
  t.same(problems(undefined), []);
  t.same(problems(4), []);
  t.same(problems(16), []);
  t.same(problems(17), ["17 workers on 2 cores, expected at most 16; a port is given as --ssh 'ssh -p 17'"]);
  t.match(problems(2222).join(), /ssh -p 2222/);
});

test('a host with another version or Node', async (t) => {
  const other = { ...report, version: '1.2.4', node: 'v20.0.0' };
  t.same(problemsOf({ host: { name: 'node', slots: 1 }, report: other }, expected), [
    'bpnn-dist 1.2.4, expected 1.2.3',
    'Node v20.0.0, expected v22.1.0',
  ]);
  t.same(problemsOf({ host: { name: 'node', slots: 1 }, report: 'no route to host' }, expected), ['no route to host']);
});
