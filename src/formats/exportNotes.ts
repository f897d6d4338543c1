import type { OptimizerSpec } from '../shared/config/optimizerSchema.js';
import type { ModelSpec } from '../shared/model/spec.js';
import { warmupNote } from './keras/compile.js';
import { renamingNote } from './keras/layerNames.js';
import type { ExportFormat } from './write.js';

/** What is otherwise in an exported file than in the model: a line for each. */
export function exportNotes(
  format: ExportFormat,
  { spec, optimizer }: { readonly spec: ModelSpec; readonly optimizer: OptimizerSpec },
): string[] {
  if (format === 'onnx') return [];
  return [format === 'tfjs' ? undefined : warmupNote(optimizer), renamingNote(spec)].filter((note) => note !== undefined);
}
