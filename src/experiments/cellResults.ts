import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunSummary } from '../runFolder/summary.js';
import { RunError } from '../shared/text/errors.js';
import { readJson } from '../shared/text/json.js';
import type { Timing, Training } from './grid.js';
import type { EpochPoint, TimingResult, TrainingResult } from './results.js';

/** What a run's summary.json has of what is needed here. */
interface Summary {
  readonly steps: number;
  readonly seconds: number;
  readonly noiseScale: number | null;
  readonly stepMs?: NonNullable<RunSummary['stepMs']>;
  readonly engine?: { readonly engine: string; readonly provider: string };
}

interface Line {
  readonly kind: string;
  readonly step?: number;
  readonly loss?: number;
  readonly accuracy?: number;
  readonly valLoss?: number;
  readonly valAccuracy?: number;
  readonly learningRate?: number;
}

/** Reads what a training has left in its folder. */
export function readTraining(path: string, { kind, ...cell }: Training): TrainingResult {
  const { steps, seconds, noiseScale } = readSummary(path);
  const lines = readFileSync(join(path, 'metrics.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line): Line => JSON.parse(line));
  const curve: EpochPoint[] = [];
  let taken = 0;
  let learningRate = 0;
  for (const line of lines) {
    if (line.kind === 'step') {
      taken = (line.step ?? 0) + 1;
      learningRate = Math.max(learningRate, line.learningRate ?? 0);
    }
    if (line.kind !== 'epoch') continue;
    // Figures that are not finite stand there as text.
    const accuracy = line.valAccuracy ?? line.accuracy;
    curve.push({ steps: taken, loss: Number(line.loss), validationLoss: optional(line.valLoss), accuracy: optional(accuracy) });
  }
  return { ...cell, curve, steps, seconds, learningRate, noiseScale };
}

/** Reads how long the steps of a run have taken. */
export function readTiming(path: string, { kind, ...cell }: Timing): TimingResult {
  const { stepMs, engine } = readSummary(path);
  if (!stepMs) throw new RunError(`${path}: its summary.json has no times`);
  return {
    ...cell,
    engine: `${engine?.engine}/${engine?.provider}`,
    stepMs: stepMs.median,
    computeMs: Math.min(stepMs.compute, stepMs.median),
  };
}

function readSummary(path: string): Summary {
  return readJson(join(path, 'summary.json')) as Summary;
}

function optional(value: unknown): number | undefined {
  return value === undefined ? undefined : Number(value);
}
