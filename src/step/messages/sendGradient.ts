import { viewOf } from '../../shared/model/layout.js';
import type { Partition } from '../../shared/model/slices.js';
import type { Halves } from '../../shared/numbers/half/half.js';
import type { FromWorker, Message } from '../../shared/protocol/protocol.js';

export type Send = (message: FromWorker, tensors?: readonly (Float32Array | Uint16Array)[]) => void;

/** What is said of a gradient with its first part. */
type Head = Omit<Message<'gradient'>, 'type'>;

/**
 * Sends a node's gradient in the parts of the partition. Its array must stay as it is until the coordinator goes on to
 * other work.
 * @param halves packs it into 16 bits a value, if it is to go so
 */
export function sendGradient(head: Head, gradient: Float32Array, partition: Partition, send: Send, halves?: Halves): void {
  const { work, node } = head;
  for (const [part, place] of partition.entries()) {
    const values = viewOf(gradient, place);
    const tensor = halves ? halves.pack(values) : values;
    if (part === 0) send({ type: 'gradient', ...head }, [tensor]);
    else send({ type: 'gradientPart', work, node, part }, [tensor]);
  }
}
