import type { Slices } from '../../shared/model/slices.js';
import { type Decoded, decodeFromWorker, type FromWorker } from '../../shared/protocol/protocol.js';
import { errorMessage, ProtocolError, RunError } from '../../shared/text/errors.js';
import type { Frames, Hub, Incarnation } from '../../shared/transport/transport.js';

export interface DispatchOptions {
  readonly hub: Hub;
  /** Of all tensors. */
  readonly slices: Slices;
  /** Reads tensors of 16 bits a value, where the run has them. */
  readonly unpack?: ((frame: Uint8Array) => Float32Array) | undefined;
}

export interface DispatchPorts {
  /** @throws ProtocolError where it makes no sense */
  receive(from: Incarnation, said: Decoded<FromWorker>): void;
  /** A peer turns out to be gone. */
  lost(peer: Incarnation): void;
  /** What a peer has said makes no sense. */
  refuse(peer: Incarnation, reason: string): void;
  /** The run cannot go on. */
  fail(reason: Error): void;
}

/** Passes messages on, from those who are connected and to them. */
export class Dispatch {
  readonly #options: DispatchOptions;
  readonly #ports: DispatchPorts;
  readonly #shut = new Set<Incarnation>();

  constructor(options: DispatchOptions, ports: DispatchPorts) {
    this.#options = options;
    this.#ports = ports;
  }

  /** Hears what comes, until the hub is closed. */
  async listen(): Promise<void> {
    const { hub, slices, unpack } = this.#options;
    for await (const { from, frames } of hub.messages()) {
      if (this.#shut.has(from)) continue;
      this.hear(from, () => this.#ports.receive(from, decodeFromWorker(frames, slices, unpack)));
    }
  }

  /** Takes what a peer has said; one that makes no sense is refused. */
  hear(from: Incarnation, take: () => void): void {
    try {
      take();
    } catch (error) {
      if (error instanceof ProtocolError) this.#ports.refuse(from, error.message);
      else this.#ports.fail(error instanceof Error ? error : new RunError(errorMessage(error)));
    }
  }

  send(to: Incarnation, frames: Frames): void {
    this.#options.hub.send(to, frames, () => this.#ports.lost(to));
  }

  /** Whatever a peer may still say is of no use. */
  shut(peer: Incarnation): void {
    this.#shut.add(peer);
  }
}
