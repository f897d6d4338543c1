import type { Message } from '../../shared/protocol/protocol.js';
import { RunError } from '../../shared/text/errors.js';
import type { Link } from '../../shared/transport/transport.js';

/** The coordinator is gone, or cannot be reached any more. */
export class LinkLost extends RunError {
  override readonly name: string = 'LinkLost';
}

/** The coordinator was stopped, or has failed; its run can be gone on with. */
export class CoordinatorEnded extends LinkLost {
  override readonly name = 'CoordinatorEnded';
}

/** This worker is to compute for an aggregator instead. */
export class Moved extends LinkLost {
  override readonly name = 'Moved';
  readonly to: Message<'move'>;

  constructor(to: Message<'move'>) {
    super('computes for an aggregator from now on');
    this.to = to;
  }
}

/** The coordinator has cut the connection before it was one: it may have other keys, or be about to end or to start. */
export class HandshakeFailed extends LinkLost {
  override readonly name = 'HandshakeFailed';
}

/** What the end of a link means, where nobody has told this process to leave. */
export function linkEnd({ lossReason = 'the link was closed', isTurnedAway }: Link): RunError {
  switch (isTurnedAway) {
    case 'yes':
      return new RunError(lossReason);
    case 'perhaps':
      return new HandshakeFailed(lossReason);
    case 'no':
      return new LinkLost(lossReason);
  }
}

/** Whoever started it knows by its exit code that the run still needs a worker. */
export const hasLeft = 'left before the run was over';
