import { test } from 'tap';
import { openKernel } from '../../../src/shared/numbers/kernel/kernel.js';
import { allocationBytes, maxArrays, openWasm } from '../../../src/shared/numbers/wasm.js';

test('memory is bounded and arrays do not touch', async (t) => {
  t.equal(allocationBytes(4), 64);
  t.equal(allocationBytes(13), 128, 'a whole vector may be read behind the end');
  t.equal(maxArrays(100_000_000), 10);
  const { kernel, allocate } = openKernel({ lengths: [4, 4] });
  const [first, second] = [allocate(4), allocate(4)];
  t.equal(second.byteOffset - first.byteOffset, 64);
  t.throws(() => allocate(20_000), { message: /reserved for less than 20000 more/ });
  t.throws(() => kernel.add(new Float32Array(4), new Float32Array(4)), { message: /outside the memory/ });
});

test('what does not fit is refused with what to do', async (t) => {
  const request = { module: '#kernel.wasm', lengths: [2 ** 30, 2 ** 30], holds: 'activations', advice: 'use a smaller batch' } as const;
  t.throws(() => openWasm(request), {
    message: '8.0 GiB of activations do not fit into the 4 GiB that one process computes in: use a smaller batch',
  });
});

test('an area has pages of its own behind the arrays', async (t) => {
  const { allocate, area } = openKernel({ lengths: [10], areaBytes: 100 });
  t.equal(area.length, 100);
  t.equal(area.byteOffset % 65_536, 0);
  t.equal(area.buffer, allocate(10).buffer);
});
