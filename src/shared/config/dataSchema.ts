import { z } from 'zod';
import { choice, positive, readWith, record, show, suggestion, text, whole } from './fields.js';

const take = whole(1).optional().describe('use only the first N training samples');
const pair = (): z.ZodObject<{ x: z.ZodString; y: z.ZodString }, z.core.$strict> =>
  record({ x: text('a file of inputs'), y: text('a file of targets') });

const named = record({ name: choice(['mnist']), take });
const files = record({
  x: text('a file of inputs, IDX or .npy'),
  y: text('a file of targets, IDX or .npy'),
  take,
  normalize: record({ divide: positive().describe('every input is divided by this') }).optional(),
  validation: pair().optional(),
  test: pair().optional(),
});

/** A data set that comes with a package. */
export type NamedData = z.output<typeof named>;
/** A data set in files of the user's; paths are absolute or relative to the working directory. */
export type FileData = z.output<typeof files>;
/** Inputs, [n, ...sample shape], and targets, [n] or [n, width]: one row a sample. */
export type FilePair = Pick<FileData, 'x' | 'y'>;
/** Where a run's samples come from. */
export type DataSpec = NamedData | FileData;

/** `mnist`, `{ name: mnist, take: 2500 }` or `{ x: x.npy, y: y.npy, ... }`. */
export const dataSchema = z.unknown().transform((value, context): DataSpec => {
  if (typeof value === 'string') {
    if (value === 'mnist') return { name: value };
    const message = `expected mnist, or files as { x: FILE, y: FILE }, got ${show(value)}${suggestion(value, ['mnist'])}`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  }
  const isNamed = typeof value === 'object' && value !== null && 'name' in value;
  return isNamed ? readWith(named, value, context, []) : readWith(files, value, context, []);
});
