import { protocolVersion } from '../../shared/protocol/protocol.js';
import type { Hello, Member, Ready } from './roster.js';

/** What keeps two programs from understanding each other, in words; undefined where nothing does. */
export function versionDifference(hello: Hello, version: string): string | undefined {
  if (hello.protocol === protocolVersion && hello.version === version) return undefined;
  const needed = `this run needs ${version} (protocol ${protocolVersion})`;
  return `host ${hello.host} runs bpnn-dist ${hello.version} (protocol ${hello.protocol}), ${needed}`;
}

/** What keeps a worker from seeing what the others see, in words; undefined where nothing does. */
export function dataDifference({ fingerprint }: Ready, expected: string): string | undefined {
  return fingerprint === expected ? undefined : `sees other data: expected fingerprint ${expected}, got ${fingerprint}`;
}

/** That a worker gives other bits than the others, and what to do about it. */
export interface BitsDifference {
  readonly says: string;
  /** Empty where there is nothing to do. */
  readonly advice: string;
}

/**
 * What keeps a worker from giving the same bits as the others; undefined where nothing does.
 * @param first of the run's workers that became ready, if there is one: all are to be like it
 * @param probe hash of the run's bits, where it is known from before
 */
export function bitsDifference(
  { hello }: { readonly hello: Hello },
  ready: Ready,
  first: Member | undefined,
  probe: string | undefined,
): BitsDifference | undefined {
  const expected = first?.ready?.probe ?? probe;
  if (expected === undefined || expected === ready.probe) return undefined;
  const own = describe(ready, hello.cpu);
  if (!first?.ready) return { says: `computes other bits than the run did before (${own})`, advice: '' };
  const engines = [ready.engine.engine, first.ready.engine.engine];
  return {
    says: `computes other bits (${own}) than ${first.name} (${describe(first.ready, first.hello.cpu)})`,
    advice: engines[0] === engines[1] ? '' : `; choose one that all machines have with --engine (${engines.join(' or ')})`,
  };
}

function describe({ engine }: Ready, cpu: string): string {
  return `${engine.library} ${engine.provider} on ${cpu}`;
}
