import { test } from 'tap';
import { addressAt, isEverywhere, isLoopback, parseAddress } from '../../../src/shared/transport/address.js';

test('addresses are read', async (t) => {
  t.same(parseAddress('tcp://node1:5555'), { kind: 'tcp', host: 'node1', port: 5555 });
  t.same(parseAddress('tcp://[::1]:0'), { kind: 'tcp', host: '::1', port: 0 });
  t.same(parseAddress('ipc:///tmp/x'), { kind: 'ipc', path: '/tmp/x' });
  t.throws(() => parseAddress('tcp://::1:5555'), {
    message: 'expected an IPv6 address in brackets, as tcp://[::1]:5555, got "tcp://::1:5555"',
  });
  for (const wrong of ['', 'node1:5555', 'tcp://node1', 'tcp://node1:65536', 'tcp://a b:1', 'ipc://x', 'http://x:1'])
    t.throws(() => parseAddress(wrong), { message: `expected an address such as tcp://HOST:PORT, got ${JSON.stringify(wrong)}` });
});

test('one that stands for all of a machine is told by the name of the machine', async (t) => {
  t.equal(addressAt('tcp://0.0.0.0:5555', 'node1'), 'tcp://node1:5555');
  t.equal(addressAt('tcp://[::]:5555', 'fe80::1'), 'tcp://[fe80::1]:5555');
  t.equal(addressAt('tcp://10.0.0.1:5555', 'node1'), 'tcp://10.0.0.1:5555');
  t.equal(addressAt('ipc:///tmp/x', 'node1'), 'ipc:///tmp/x');
  t.equal(isEverywhere(parseAddress('tcp://0.0.0.0:1')), true);
  t.equal(isEverywhere(parseAddress('tcp://10.0.0.1:1')), false);
  t.equal(isLoopback(parseAddress('tcp://0.0.0.0:1')), false);
  t.equal(isLoopback(parseAddress('tcp://127.0.0.2:1')), true);
});
