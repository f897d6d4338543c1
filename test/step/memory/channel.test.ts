import fc from 'fast-check';
import { test } from 'tap';
import { Mailbox, mailboxBytes } from '../../../src/step/memory/channel.js';

/** Both ends of a mailbox, as two processes see them. */
function ends(length: number, count = 0): { writer: Mailbox; reader: Mailbox } {
  const memory = new ArrayBuffer(64 + mailboxBytes(length));
  new Int32Array(memory, 64, 1).fill(count);
  new Int32Array(memory, 128, 1).fill(count);
  return { writer: new Mailbox(memory, 64, length), reader: new Mailbox(memory, 64, length) };
}

test('records come in order, once, whole, and only as many as fit', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('post', 'take'), { maxLength: 200 }),
      fc.constantFrom(0, 5, 2 ** 31 - 3, -4),
      (moves, startCount) => {
        const { writer, reader } = ends(3, startCount);
        const waiting: number[] = [];
        let next = 0;
        return moves.every((move) => {
          if (move === 'take') return reader.take((record) => [...record])?.[1] === waiting.shift();
          const isPosted = writer.post((record) => record.set([next, next * 2, -next]));
          const fits = waiting.length < 16;
          if (fits) waiting.push(next * 2);
          next++;
          return isPosted === fits;
        });
      },
    ),
  );
  t.pass();
  t.end();
});

test('its word changes with every record, and clearing it forgets them', (t) => {
  const { writer, reader } = ends(1);
  const before = writer.word[0];
  writer.post((record) => record.set([1]));
  t.not(reader.word[0], before);
  t.not(reader.seen, reader.word[0], 'there is something to read');
  reader.clear();
  t.equal(reader.seen, reader.word[0]);
  t.equal(
    reader.take(() => 1),
    undefined,
  );
  t.end();
});
