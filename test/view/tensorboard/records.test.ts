import { test } from 'tap';
import { record } from '../../../src/view/tensorboard/records.js';

test('a record: length, bytes, and checksums, as TensorBoard 2.21 writes them', async (t) => {
  t.equal(record(Buffer.from('brain.Event:2')).toString('hex'), '0d000000000000003c37b834627261696e2e4576656e743a32ee01067c');
  t.equal(record(Buffer.of()).toString('hex'), '000000000000000029039807d8ea82a2');
});
