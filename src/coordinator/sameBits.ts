import type { Member, Ready } from './roster.js';

/** What a worker must be like to join a run. */
export interface Expected {
  /** Of the run's data. */
  readonly fingerprint: string;
  /** The first that became ready, if there is one: all are to be like it. */
  readonly first: Member | undefined;
  /** Hash of the run's bits, where it is known from before. */
  readonly probe: string | undefined;
}

/** What keeps a worker from giving the same bits as the others, in words; undefined where nothing does. */
export function differenceOf({ hello }: Member, ready: Ready, { fingerprint, first, probe }: Expected): string | undefined {
  if (ready.fingerprint !== fingerprint) return `sees other data: expected fingerprint ${fingerprint}, got ${ready.fingerprint}`;
  const expected = first?.ready?.probe ?? probe;
  if (expected === undefined || expected === ready.probe) return undefined;
  const own = describe(ready, hello.cpu);
  if (!first?.ready) return `computes other bits than the run did before (${own})`;
  const engines = [ready.engine.engine, first.ready.engine.engine];
  const advice = engines[0] === engines[1] ? '' : `; choose one that all machines have with --engine (${engines.join(' or ')})`;
  return `computes other bits (${own}) than ${first.name} (${describe(first.ready, first.hello.cpu)})${advice}`;
}

function describe({ engine }: Ready, cpu: string): string {
  return `${engine.library} ${engine.provider} on ${cpu}`;
}
