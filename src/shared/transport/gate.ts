import { type Context, Reply } from 'zeromq';
import type { RunKeys } from './keys.js';

/** Answers ZeroMQ's question, for every connection, whether it may come in (ZeroMQ RFC 27, ZAP). */
export async function openGate(context: Context, { workerPublic }: RunKeys, onTurnedAway?: (line: string) => void): Promise<Reply> {
  const gate = new Reply({ context, linger: 0 });
  await gate.bind('inproc://zeromq.zap.01');
  const expected = decodeZ85(workerPublic);
  const answer = async (): Promise<void> => {
    for await (const [version, id, , address, , mechanism, key] of gate) {
      const isKnown = mechanism?.toString() === 'CURVE' && key?.equals(expected) === true;
      if (!isKnown) onTurnedAway?.(`a connection from ${address} was turned away: it has not the key of the run's workers`);
      await gate.send([version ?? '1.0', id ?? '', isKnown ? '200' : '400', isKnown ? 'OK' : 'unknown key', '', '']);
    }
  };
  answer().catch((error: unknown) => {
    if (!gate.closed) throw error;
  });
  return gate;
}

const z85 = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';

/** Five characters to four bytes, base 85 (ZeroMQ RFC 32). */
function decodeZ85(text: string): Buffer {
  const bytes = Buffer.alloc((text.length / 5) * 4);
  for (let i = 0; i < text.length; i += 5) {
    const value = [...text.slice(i, i + 5)].reduce((sum, digit) => sum * 85 + z85.indexOf(digit), 0);
    bytes.writeUInt32BE(value, (i / 5) * 4);
  }
  return bytes;
}
