import type { Frames, Link } from '../../shared/transport/transport.js';

export interface InboxPorts {
  /** Is told every message as it comes, and says whether it has taken it: then it does not wait for its turn. */
  readonly takes: (frames: Frames) => boolean;
  /** Nothing comes any more, for this reason, if there is one beside the link's. */
  readonly onEnd: (error: unknown) => void;
}

/** The messages of a link in their order, each when the one before has been dealt with; some are taken out before. */
export async function* inbox(link: Pick<Link, 'messages'>, { takes, onEnd }: InboxPorts): AsyncGenerator<Frames, void> {
  const waiting: Frames[] = [];
  let wake: () => void = () => undefined;
  let end: { readonly error?: unknown } | undefined;
  const receive = async (): Promise<void> => {
    for await (const frames of link.messages()) {
      if (takes(frames)) continue;
      waiting.push(frames);
      wake();
    }
  };
  const over = (ended: { readonly error?: unknown }): void => {
    end = ended;
    onEnd(ended.error);
    wake();
  };
  receive().then(
    () => over({}),
    (error: unknown) => over({ error }),
  );
  while (true) {
    const next = waiting.shift();
    if (next) yield next;
    else if (end?.error !== undefined) throw end.error;
    else if (end) return;
    else
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  }
}
