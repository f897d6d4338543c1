import { RunError } from '../../text/errors.js';
import { type Passes, type PassName, passNames, runPart } from './kernelPasses.js';

/** Milliseconds that a part may take, which is a thousand times what it does. */
const patience = 60_000;
/** Values that a thread takes at a time: short enough to share evenly, long enough to be worth the taking. */
const partLength = 65_536;
/** Bits of a ticket that hold the next part; the others hold the pass's number, which tells old tickets from new ones. */
const partBits = 14;
const partMask = (1 << partBits) - 1;
const most = { addresses: 8, numbers: 10 };
/** Where things stand: the ticket, parts that are done, what was amiss, which pass, its arrays, its numbers, its length. */
const [ticketAt, doneAt, amissAt] = [0, 1, 2];
const [nameAt, lengthAt, addressesAt, numbersAt] = [0, 1, 4, 5];
const head = 8;
const wordsBytes = 64;

/** A pass that is open, as it was read under one ticket. */
interface Posted {
  readonly name: PassName;
  readonly length: number;
  readonly addresses: readonly number[];
  readonly numbers: readonly number[];
}

/**
 * Where the owner of a kernel posts a pass, and from which threads take parts of it: a few words in memory that they
 * share. Whoever is late finds nothing left to take, and holds nobody up.
 */
export class PassBoard {
  static readonly bytes = wordsBytes + 8 * (head + most.addresses + most.numbers);
  readonly #words: Int32Array;
  readonly #record: Float64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, 0, wordsBytes / 4);
    this.#record = new Float64Array(memory, wordsBytes);
  }

  /** Opens a pass, for all to see. The one before must be over. */
  post({ name, length, addresses, numbers }: Posted): void {
    const number = Atomics.load(this.#words, ticketAt) >>> partBits;
    // Closed while it is written on: whoever still holds the last ticket of the pass before can do nothing with it.
    Atomics.store(this.#words, ticketAt, (number << partBits) | partMask);
    this.#record.set([passNames.indexOf(name), length]);
    this.#record.set([addresses.length, numbers.length], addressesAt);
    this.#record.set([...addresses, ...numbers], head);
    Atomics.store(this.#words, doneAt, 0);
    Atomics.store(this.#words, amissAt, 0);
    Atomics.store(this.#words, ticketAt, (number + 1) << partBits);
    Atomics.notify(this.#words, ticketAt);
  }

  /** Takes parts of the open pass until none is left. Returns the ticket at which there was none. */
  work(passes: Passes): number {
    for (;;) {
      const ticket = Atomics.load(this.#words, ticketAt);
      // Read under this ticket: if it can still be had, this is what was posted with it.
      const posted = this.#posted();
      const part = ticket & partMask;
      const parts = Math.ceil(posted.length / partLength);
      if (part >= parts) return ticket;
      if (Atomics.compareExchange(this.#words, ticketAt, ticket, ticket + 1) !== ticket) continue;
      const from = part * partLength;
      const to = Math.min(from + partLength, posted.length);
      if (!runPart(passes[posted.name], posted.addresses, from, to, posted.numbers)) Atomics.store(this.#words, amissAt, 1);
      if (Atomics.add(this.#words, doneAt, 1) + 1 === parts) Atomics.notify(this.#words, doneAt);
    }
  }

  /** Sleeps until another pass is posted. */
  awaitNext(ticket: number): void {
    Atomics.wait(this.#words, ticketAt, ticket);
  }

  /**
   * Waits for the parts that others have taken. Is nothing amiss?
   * @throws RunError where one of them does not come to its end, as when its thread has died
   */
  finish(): boolean {
    const parts = Math.ceil((this.#record[lengthAt] ?? 0) / partLength);
    for (let done = Atomics.load(this.#words, doneAt); done < parts; done = Atomics.load(this.#words, doneAt)) {
      if (Atomics.wait(this.#words, doneAt, done, patience) === 'timed-out')
        throw new RunError('a thread has not finished its part of a pass');
    }
    return Atomics.load(this.#words, amissAt) === 0;
  }

  #posted(): Posted {
    const record = this.#record;
    const middle = head + (record[addressesAt] ?? 0);
    return {
      name: passNames[record[nameAt] ?? 0] ?? 'add',
      length: record[lengthAt] ?? 0,
      addresses: [...record.subarray(head, middle)],
      numbers: [...record.subarray(middle, middle + (record[numbersAt] ?? 0))],
    };
  }
}
