import { z } from 'zod';
import { type Device, isDevice } from './device.js';
import { type EngineName, engineNames } from './engineNames.js';

/** An engine and what it computes on. */
export interface EngineOn {
  readonly engine: EngineName;
  readonly device: Device;
}

/** What trying an engine has given. */
export const engineFigure = z.strictObject({
  engine: z.enum(engineNames),
  device: z.custom<Device>(isDevice),
  /** Milliseconds of the gradient of one shard; null where it does not work, or nothing else was to be had. */
  ms: z.number().nullable(),
  /** Why it does not work. */
  reason: z.string().max(4_096).optional(),
});

export type EngineFigure = z.output<typeof engineFigure>;

/** Does a config leave open what computes? */
export function isOpen({ engine, device }: EngineOn): boolean {
  return engine === 'auto' || (device === 'auto' && (engine === 'onnx' || engine === 'tensorflow'));
}

/** Is this one of those that a config leaves to choose from, and nothing left open itself? */
export function answers(one: EngineOn, wanted: EngineOn): boolean {
  const isOne = one.engine !== 'auto' && one.device !== 'auto';
  return isOne && (wanted.engine === 'auto' || wanted.engine === one.engine) && (wanted.device === 'auto' || wanted.device === one.device);
}

/** Within so much of the fastest, the first is taken: the same machine is to choose the same again. */
const tie = 1.05;

/** The fastest of those that work, the first of those that are equally fast; undefined where none works. */
export function fastestOf(figures: readonly EngineFigure[]): EngineFigure | undefined {
  const working = figures.filter(({ reason }) => reason === undefined);
  const least = Math.min(...working.map(({ ms }) => ms ?? 0));
  return working.find(({ ms }) => (ms ?? 0) <= least * tie);
}

/** E.g. `onnx/cpu`. */
export function nameOf({ engine, device }: EngineOn): string {
  return `${engine}/${device}`;
}
