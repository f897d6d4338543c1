import { cpus, hostname } from 'node:os';
import { type Message, protocolVersion } from '../../shared/protocol/protocol.js';

/** What a process knows of itself. */
export interface Identity {
  readonly version: string;
  /** Its number among those that the coordinator has started. */
  readonly slot: number | undefined;
  /** What it was called before. */
  readonly number?: number | undefined;
  /** What names it to the aggregator that it goes to. */
  readonly ticket?: number | undefined;
  /** How often in a row an aggregator was not reached. */
  readonly misses?: number | undefined;
}

/** What a process says of itself when it connects. */
export function helloOf(role: Message<'hello'>['role'], { version, slot, number, ticket, misses = 0 }: Identity): Message<'hello'> {
  const cpu = cpus()[0]?.model.trim() ?? process.arch;
  const { pid, platform } = process;
  return {
    ...{ type: 'hello', protocol: protocolVersion, version, node: process.version, host: hostname(), platform, cpu, pid, role },
    ...(slot === undefined ? {} : { slot }),
    ...(number === undefined ? {} : { number }),
    ...(ticket === undefined ? {} : { ticket }),
    ...(misses === 0 ? {} : { misses }),
  };
}
