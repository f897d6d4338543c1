import { test } from 'tap';
import { watchingFiles } from '../../src/run/watchingFiles.js';

test('a file that is written to while a run reads it is reported once, at the end of the epoch', async (t) => {
  const said: string[] = [];
  const epochs: number[] = [];
  let isChanged = false;
  const file = { path: 'x.npy', isChanged: () => isChanged };
  const other = { path: 'z.npy', isChanged: () => false };
  const observer = watchingFiles([file, file, other], { onEpoch: ({ epoch }) => epochs.push(epoch) }, (line) => said.push(line));
  observer.onEpoch?.({ epoch: 0 });
  t.same(said, []);
  isChanged = true;
  observer.onEpoch?.({ epoch: 1 });
  observer.onEpoch?.({ epoch: 2 });
  t.equal(said.length, 1);
  t.match(said[0], /^x\.npy was changed while the run reads its samples from it/);
  t.same(epochs, [0, 1, 2]);
});
