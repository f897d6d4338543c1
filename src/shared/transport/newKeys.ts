import { curveKeyPair } from 'zeromq';
import type { RunKeys } from './keys.js';

/** Keys for a new run. */
export function newKeys(): RunKeys {
  const [coordinator, worker] = [curveKeyPair(), curveKeyPair()];
  return {
    coordinatorPublic: coordinator.publicKey,
    coordinatorSecret: coordinator.secretKey,
    workerPublic: worker.publicKey,
    workerSecret: worker.secretKey,
  };
}
