import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'tap';
import type { Fleet } from '../../../src/coordinator/members/fleet.js';
import type { RawSamples, WantedSamples } from '../../../src/shared/protocol/dataLayout.js';
import { decodeFromCoordinator, encode } from '../../../src/shared/protocol/protocol.js';
import { FakeHub } from '../../fixtures/fakeHub.js';
import { fleetOf } from '../../fixtures/fleetOf.js';
import { hello, slices } from '../../fixtures/messages.js';

/** Workers that lack samples, of a part of 40. */

interface Asked {
  readonly wanted: WantedSamples;
  readonly resolve: (samples: RawSamples) => void;
  readonly reject: (reason: Error) => void;
}

class Lacking {
  readonly hub = new FakeHub();
  readonly asked: Asked[] = [];
  readonly #fleet: Fleet;

  constructor(t: { teardown(end: () => Promise<void>): void }) {
    const samples = (wanted: WantedSamples): Promise<RawSamples> =>
      new Promise((resolve, reject) => this.asked.push({ wanted, resolve, reject }));
    this.#fleet = fleetOf({ hub: this.hub, slices: slices, events: {}, samples });
    t.teardown(async () => {
      this.hub.say('a', encode({ type: 'leaving' }));
      await turn();
      await this.#fleet.close(true);
    });
    this.hub.say('a', encode(hello));
  }

  async want(...samples: readonly number[]): Promise<void> {
    this.hub.say('a', encode({ type: 'wants', request: this.asked.length, split: 'train', samples }));
    await turn();
  }

  /** What it was sent but for probes, in words. */
  get heard(): string[] {
    return this.hub.sent.flatMap(({ frames }) => {
      const { message, samples = [] } = decodeFromCoordinator(frames, slices);
      if (message.type === 'samples') return [`${message.request}: ${message.reason ?? samples.map((bytes) => [...bytes]).join('; ')}`];
      return message.type === 'refuse' ? [message.reason] : [];
    });
  }
}

test('each request gets its samples, or why they cannot be had', async (t) => {
  const worker = new Lacking(t);
  await worker.want(3, 39);
  await worker.want(1);
  t.same(worker.asked[0]?.wanted.samples, [3, 39]);
  worker.asked[1]?.reject(new Error('x.npy: no such file'));
  worker.asked[0]?.resolve([Uint8Array.of(1, 2), Uint8Array.of(3)]);
  await turn();
  t.same(worker.heard, ['1: x.npy: no such file', '0: 1,2; 3']);
});

test('samples that are not there are not looked for; nor are too many at once', async (t) => {
  const beyond = new Lacking(t);
  await beyond.want(3, 40);
  t.same(beyond.heard, ['refused: wants samples of train that are not there']);
  const greedy = new Lacking(t);
  for (let i = 0; i < 9; i++) await greedy.want(i);
  t.equal(greedy.asked.length, 8);
  t.same(greedy.heard, ['refused: wants samples 9 times at once, 8 are allowed']);
  greedy.asked[0]?.resolve([]);
  await turn();
  t.equal(greedy.heard.length, 1, 'one that was sent away gets nothing');

  const patient = new Lacking(t);
  for (let i = 0; i < 20; i++) {
    await patient.want(i);
    patient.asked[i]?.resolve([]);
    await turn();
  }
  t.equal(patient.heard.length, 20);
});
