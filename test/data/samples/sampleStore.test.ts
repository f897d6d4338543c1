import { closeSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { ArrayDataset } from '../../../src/data/samples/arrayDataset.js';
import { BatchReader } from '../../../src/data/samples/batch.js';
import { SampleStore } from '../../../src/data/samples/sampleStore.js';
import { ProtocolError, RunError } from '../../../src/shared/text/errors.js';
import { npyBytes } from '../../fixtures/arrays.js';

const count = 10;
const preparation = { divide: 2 };

test('samples that have been fetched are those of the files, once asked for and kept for whoever comes later', async (t) => {
  const folder = t.testdir({
    'x.npy': npyBytes(
      '<u2',
      [count, 2, 2],
      Uint16Array.from({ length: 40 }, (_, i) => i * 1_000),
    ),
    'y.npy': npyBytes(
      '<i8',
      [count],
      BigInt64Array.from({ length: count }, (_, i) => BigInt(i % 3)),
    ),
    'w.npy': npyBytes(
      '<f4',
      [count],
      Float32Array.from({ length: count }, (_, i) => i / 4),
    ),
  });
  const [x, y, sampleWeights] = [join(folder, 'x.npy'), join(folder, 'y.npy'), join(folder, 'w.npy')];
  const source = ArrayDataset.open({ x, y, sampleWeights }, preparation).slice(1, 9);
  const asked: number[][] = [];
  const open = (): SampleStore =>
    new SampleStore({
      ...{ folder: join(folder, 'store'), layout: source.layout, preparation, fingerprint: 'f' },
      async ask(samples) {
        asked.push([...samples]);
        return source.raw(samples);
      },
    });
  const read = (dataset: ArrayDataset | SampleStore, indices: number[]) => {
    const reader = new BatchReader(dataset, { kind: 'oneHot' }, 3, indices.length);
    reader.fill(Int32Array.from(indices), 0, indices.length);
    return [reader.inputs, reader.targets, reader.sampleWeights].map((values) => [...(values ?? [])]);
  };
  const store = open();
  t.match(store, { count: 9, inputShape: [2, 2], targets: { width: 1, isClassNumber: true } });
  const [first, second] = [store.fetch(Int32Array.of(7, 2, 0)), store.fetch(Int32Array.of(2, 3))];
  t.same(asked, [[7, 2, 0], [3]], 'what is on its way is not asked for again');
  await Promise.all([first, second]);
  t.equal(store.fetch(Int32Array.of(0, 2, 3, 7)), undefined);
  t.same(read(store, [3, 0, 7, 2]), read(source, [3, 0, 7, 2]));
  store.close();

  const again = open();
  await again.fetch(Int32Array.from({ length: 9 }, (_, i) => i));
  t.same(asked.slice(2), [[1, 4, 5, 6, 8]], 'what another store has kept is there');
  t.same(read(again, [8, 1, 7, 0, 4]), read(source, [8, 1, 7, 0, 4]));
  again.close();
});

const layout = {
  count: 4,
  inputs: { dtype: 'uint8', shape: [3], bytes: 3 },
  targets: { dtype: 'float32', shape: [2], bytes: 8 },
  isWeighted: false,
};
const options = { layout, preparation: undefined, fingerprint: 'f' };
/** Samples whose inputs are their number, and what was asked for. */
function givers(): { readonly asked: number[][]; readonly ask: (samples: readonly number[]) => Promise<Uint8Array[]> } {
  const asked: number[][] = [];
  return {
    asked,
    async ask(samples) {
      asked.push([...samples]);
      return [Uint8Array.from(samples.flatMap((sample) => [sample, sample, sample])), new Uint8Array(samples.length * 8)];
    },
  };
}

test('what another store has left is used where it is whole, and asked for again where it is not', async (t) => {
  const folder = join(t.testdir(), 'store');
  const [one, other, late] = [givers(), givers(), givers()];
  const first = new SampleStore({ ...options, folder, ask: one.ask });
  const second = new SampleStore({ ...options, folder, ask: other.ask });
  await first.fetch(Int32Array.of(0, 1, 3));
  await second.fetch(Int32Array.of(0, 1, 2));
  t.same(other.asked, [[2]], 'the two are open at once');
  second.close();
  // A machine that went down before all had reached its disk, or a disk that lies.
  const inputs = openSync(join(folder, 'inputs'), 'r+');
  writeSync(inputs, Uint8Array.of(0), 0, 1, 3);
  closeSync(inputs);
  const third = new SampleStore({ ...options, folder, ask: late.ask });
  await third.fetch(Int32Array.of(0, 1, 2, 3));
  t.same(late.asked, [[1]]);
  third.close();
  // A folder that is removed is lost for others, not for who has it open.
  rmSync(folder, { recursive: true });
  await first.fetch(Int32Array.of(0, 2));
  const reader = new BatchReader(first, { kind: 'values' }, 2, 2);
  reader.fill(Int32Array.of(2, 0), 0, 2);
  t.same([...reader.inputs], [2, 2, 2, 0, 0, 0]);
  first.close();
});

test('answers that are not what was asked for are no samples', async (t) => {
  const open = (rows: readonly Uint8Array[], of = layout) =>
    new SampleStore({ ...options, folder: t.testdir(), layout: of, ask: async () => rows });
  for (const rows of [[], [new Uint8Array(3)], [new Uint8Array(4), new Uint8Array(8)], [new Uint8Array(3), new Uint8Array(7)]]) {
    const store = open(rows);
    for (const time of ['the first time', 'again'])
      await t.rejects(store.fetch(Int32Array.of(1)) ?? Promise.resolve(), ProtocolError, time);
    store.close();
  }
  for (const inputs of [
    { dtype: 'constructor', shape: [3], bytes: 3 },
    { dtype: 'uint8', shape: [3], bytes: 4 },
  ])
    t.throws(() => open([], { ...layout, inputs }), ProtocolError);
  const file = join(t.testdir({ file: '' }), 'file');
  writeFileSync(file, '');
  t.throws(
    () => new SampleStore({ ...options, folder: join(file, 'store'), ask: givers().ask }),
    /store: samples cannot be kept there .*: name another cache folder with XDG_CACHE_HOME$/,
  );
  t.throws(() => new SampleStore({ ...options, folder: join(file, 'store'), ask: givers().ask }), RunError);
  t.end();
});
