import type { Frames, Link } from '../shared/transport.js';

export interface InboxPorts {
  /** Is told every message as it comes, and says whether it has taken it: then it does not wait for its turn. */
  readonly takes: (frames: Frames) => boolean;
  /** Nothing comes any more. */
  readonly onEnd: () => void;
}

/** The messages of a link in their order, each when the one before has been dealt with; some are taken out before. */
export async function* inbox(link: Pick<Link, 'messages'>, { takes, onEnd }: InboxPorts): AsyncGenerator<Frames, void> {
  const waiting: Frames[] = [];
  let wake: () => void = () => undefined;
  let isOver = false;
  const receiving = (async () => {
    try {
      for await (const frames of link.messages()) {
        if (takes(frames)) continue;
        waiting.push(frames);
        wake();
      }
    } finally {
      isOver = true;
      onEnd();
      wake();
    }
  })();
  // It is waited for below, unless nobody reads on.
  receiving.catch(() => undefined);
  while (true) {
    const next = waiting.shift();
    if (next) yield next;
    else if (isOver) return receiving;
    else
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  }
}
