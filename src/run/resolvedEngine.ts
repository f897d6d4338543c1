import type { Member } from '../coordinator/members/roster.js';
import type { Config } from '../shared/config/configSchema.js';
import { version } from '../shared/system/version.js';

/** What a run's first worker computes with. */
export function resolvedEngine([first]: readonly Member[], fingerprint: string): Config['resolved'] {
  const { ready, choice } = first ?? {};
  return ready && { ...ready.engine, ...(choice && { device: choice.device }), probe: ready.probe, fingerprint, version };
}
