import type { ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';

/** Milliseconds in which clients with an idle connection learn of the end before it is closed: a request may be on its way. */
const lingering = 200;
/** Milliseconds for requests on connections that were accepted before the last answer. */
const parting = 100;

/**
 * Lets a server end without losing an answer: once `app.close()` is called, new requests are answered 503, those under way are
 * answered, and what is left when the grace period is over is cut. Idle connections are not waited for.
 */
export class Draining {
  readonly #app: FastifyInstance;
  readonly #gracePeriod: number;
  readonly #underWay = new Set<ServerResponse>();
  #isClosing = false;
  #onQuiet: () => void = () => undefined;
  #cut = 0;

  /** @param gracePeriod milliseconds */
  constructor(app: FastifyInstance, gracePeriod: number) {
    this.#app = app;
    this.#gracePeriod = gracePeriod;
    app.addHook('onRequest', async (_request, { raw }) => {
      this.#underWay.add(raw);
      raw.once('close', () => {
        this.#underWay.delete(raw);
        if (this.#underWay.size === 0) this.#onQuiet();
      });
    });
    app.addHook('onSend', async (_request, reply) => {
      if (this.#isClosing) reply.header('connection', 'close');
    });
    // Fastify closes all connections after this hook, and answers 503 from before it on.
    app.addHook('preClose', () => this.#drain());
  }

  /** Requests that were cut, after the grace period or by `cutShort`. */
  get cut(): number {
    return this.#cut;
  }

  /** Ends a close that is under way, or is yet to come, without waiting for answers. */
  cutShort(): void {
    this.#cut = this.#underWay.size;
    this.#underWay.clear();
    this.#onQuiet();
  }

  async #drain(): Promise<void> {
    this.#isClosing = true;
    if (this.#underWay.size === 0 && (await connections(this.#app)) === 0) return;
    await pause(Math.min(lingering, this.#gracePeriod));
    await this.#quiet();
    // Whoever has just connected is answered 503, too, before all connections are closed.
    this.#app.server.close();
    await pause(Math.min(parting, this.#gracePeriod));
  }

  /** Nothing is under way any more, or the grace period is over. */
  async #quiet(): Promise<void> {
    if (this.#underWay.size === 0) return;
    const quiet = new Promise<void>((resolve) => {
      this.#onQuiet = resolve;
    });
    const timer = setTimeout(() => this.cutShort(), this.#gracePeriod - lingering);
    await quiet;
    clearTimeout(timer);
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function connections({ server }: FastifyInstance): Promise<number> {
  return new Promise((resolve) => server.getConnections((error, count) => resolve(error ? 0 : count)));
}
