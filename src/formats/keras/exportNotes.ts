import type { OptimizerSpec } from '../../shared/config/optimizerSchema.js';
import type { ModelSpec } from '../../shared/model/spec.js';
import { warmupNote } from './compile.js';
import { renamingNote } from './layerNames.js';

/** What is otherwise in Keras's files than in the model: a line for each. */
export function kerasNotes({ spec, optimizer }: { readonly spec: ModelSpec; readonly optimizer: OptimizerSpec }): string[] {
  return [warmupNote(optimizer), renamingNote(spec)].filter((note) => note !== undefined);
}
