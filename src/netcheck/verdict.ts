import { median } from '../shared/numbers/median.js';
import type { NetworkFigures, PeerFigures } from './check.js';

/** A link that has less than this share of the others' rate is slow. */
const slowShare = 0.5;
/** Milliseconds there and back, beyond which steps that take about as long are not worth sharing. */
const farMs = 2;
/** A round trip that takes so many times the median, and at least so long, has been sent twice or has waited. */
const unevenFactor = 5;
const unevenMs = 20;
/** Milliseconds by which a clock may be wrong before times in its logs mislead. */
const clockMs = 100;
/** All at once are the limit where they reach less than this share of what the slowest would let them. */
const sharedShare = 0.7;

/** What a person should know of one peer's link: `good`, or all that is not. */
export function verdictOn(peer: PeerFigures, others: readonly PeerFigures[]): string {
  const rate = Math.min(peer.toMbit, peer.fromMbit);
  const usual = median(others.map(({ toMbit, fromMbit }) => Math.min(toMbit, fromMbit)));
  const problems = [
    ...(rate < slowShare * usual ? [`slow: ${mbit(rate)}, the others have ${mbit(usual)}`] : []),
    ...(peer.roundTripMs > farMs ? [`far: ${peer.roundTripMs.toFixed(1)} ms there and back, in every step`] : []),
    ...(peer.roundTripP99Ms > unevenMs && peer.roundTripP99Ms > unevenFactor * peer.roundTripMs
      ? [`uneven: one in a hundred takes ${peer.roundTripP99Ms.toFixed(1)} ms; packets are lost, or others use the link`]
      : []),
    ...(Math.abs(peer.clockMs) - peer.clockErrorMs > clockMs
      ? [
          `its clock is ${(Math.abs(peer.clockMs) / 1_000).toFixed(1)} s ${peer.clockMs > 0 ? 'ahead' : 'behind'}: times in its logs are not ours`,
        ]
      : []),
  ];
  return problems.length === 0 ? 'good' : problems.join('; ');
}

/** What a person should know of the whole. @param parameters of the network that is to be trained, where that is known */
export function verdictOnAll({ peers, toAllMbit, fromAllMbit }: NetworkFigures, parameters: number | undefined): string[] {
  const lines: string[] = [];
  const possible = peers.length * Math.min(...peers.map(({ fromMbit }) => fromMbit));
  if (peers.length > 1 && fromAllMbit < sharedShare * possible)
    lines.push(
      `All at once reach ${mbit(fromAllMbit)} where the slowest of them would let them reach ${mbit(possible)}: this machine's own link, or its processors, are the limit. An aggregator a host (--topology tree) sends less over it.`,
    );
  if (parameters !== undefined) {
    const bits = parameters * 32 * peers.length;
    const trip = Math.max(...peers.map(({ roundTripMs }) => roundTripMs));
    const ms = bits / toAllMbit / 1_000 + bits / fromAllMbit / 1_000 + trip;
    lines.push(
      `A step moves ${parameters.toLocaleString('en-US')} parameters to each of ${peers.length} and a gradient back: about ${ms.toPrecision(2)} ms beside what it computes.`,
    );
  }
  return lines;
}

export function mbit(rate: number): string {
  return `${Math.round(rate).toLocaleString('en-US')} Mbit/s`;
}
