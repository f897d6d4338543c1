import type { Preparation } from '../shared/config/dataSchema.js';
import type { OptimizerSpec } from '../shared/config/optimizerSchema.js';
import type { ModelSpec } from '../shared/model/spec.js';
import { isCoarse } from '../shared/numbers/float32Steps.js';
import { warmupNote } from './keras/compile.js';
import { renamingNote } from './keras/layerNames.js';
import type { ModelMetadata } from './metadata.js';
import type { ExportFormat } from './writeModel.js';

export interface Exported {
  readonly spec: ModelSpec;
  readonly optimizer: OptimizerSpec;
  readonly metadata: Pick<ModelMetadata, 'normalize' | 'schema'>;
}

/** What is otherwise in an exported file than in the model: a line for each. */
export function exportNotes(format: ExportFormat, { spec, optimizer, metadata }: Exported): string[] {
  if (format === 'onnx') return [roundingNote(metadata)].filter((note) => note !== undefined);
  return [format === 'tfjs' ? undefined : warmupNote(optimizer), renamingNote(spec)].filter((note) => note !== undefined);
}

/** An ONNX file normalizes inputs that are float32 already; we take differences before they are rounded. */
function roundingNote({ normalize, schema }: Exported['metadata']): string | undefined {
  const far = farFromZero(normalize);
  if (far.length === 0) return undefined;
  const columns = schema?.inputs.every(({ kind }) => kind === 'number') ? schema.inputs : [];
  const names = far.map((input) => columns[input]?.name ?? String(input));
  return `the file takes float32 inputs, which rounds input ${names.slice(0, 6).join(', ')} before it is normalized: its outputs differ; train on numbers nearer to 0, as days since the first`;
}

function farFromZero(normalize: Preparation | undefined): number[] {
  if (!normalize || !('subtract' in normalize)) return [];
  const { subtract, divide } = normalize;
  const isFar = (shift: number, scale: number): boolean =>
    isCoarse(Math.abs(scale), Math.abs(shift)) && !(Number.isInteger(shift) && Math.abs(shift) < 2 ** 24);
  return subtract.flatMap((shift, input) => (isFar(shift, divide[input] ?? 1) ? [input] : []));
}
