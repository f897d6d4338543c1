import { z } from 'zod';
import { show } from '../../shared/config/fields.js';
import { DataError } from '../../shared/text/errors.js';
import { expectedWords } from '../../shared/text/expectedWords.js';
import type { KerasObject } from './kerasLayers.js';

/** The layers of a model, one behind the other. */
export interface LayerChain {
  readonly layers: readonly KerasObject[];
  /** [null, ...sample shape], where the model says it beside its layers. */
  readonly buildInputShape: unknown;
}

const layer = z.object({ class_name: z.string(), config: z.record(z.string(), z.unknown()), inbound_nodes: z.unknown().optional() });
const layers = z.array(layer);

const sequential = z.object({
  class_name: z.literal('Sequential'),
  // Keras before 2.2.3 wrote the bare list.
  config: z.union([
    z.object({ layers, build_input_shape: z.unknown().optional() }),
    layers.transform((list) => ({ layers: list, build_input_shape: undefined })),
  ]),
});

const functional = z.object({ class_name: z.enum(['Functional', 'Model']), config: z.object({ layers }) });

const kind = z.object({
  class_name: z.enum(['Sequential', 'Functional', 'Model'], { error: ({ input }) => `expected a Sequential model, got ${show(input)}` }),
});

/**
 * Reads the topology of a model as Keras 2, Keras 3 and tfjs write it: a Sequential one, or a Functional one whose layers
 * follow each other in one line.
 * @param path for messages
 * @throws DataError if it is another
 */
export function readModelConfig(value: unknown, path: string): LayerChain {
  const { class_name: name } = parse(kind, value, path);
  if (name === 'Sequential') {
    const { config } = parse(sequential, value, path);
    return { layers: config.layers, buildInputShape: config.build_input_shape };
  }
  const { config } = parse(functional, value, path);
  for (const [i, { config: own, inbound_nodes: inbound }] of config.layers.entries()) {
    const [before] = i === 0 ? [] : [config.layers[i - 1]?.config['name']];
    const sources = sourcesOf(inbound);
    const isNext = i === 0 ? sources.length === 0 : sources.length === 1 && sources[0] === before;
    if (!isNext) {
      throw new DataError(
        `${path}: layer ${String(own['name'])}: expected layers that follow each other in one line, got one after ${sources.join(', ') || 'none'}`,
      );
    }
  }
  return { layers: config.layers, buildInputShape: undefined };
}

/** Names of the layers that feed one: in Keras 2 `[[["dense", 0, 0, {}]]]`, in Keras 3 tensors with a `keras_history`. */
function sourcesOf(inbound: unknown): string[] {
  if (!Array.isArray(inbound)) {
    if (typeof inbound !== 'object' || inbound === null) return [];
    if ('keras_history' in inbound && Array.isArray(inbound.keras_history)) return [String(inbound.keras_history[0])];
    return Object.values(inbound).flatMap(sourcesOf);
  }
  const [name, node, tensor] = inbound;
  if (typeof name === 'string' && typeof node === 'number' && typeof tensor === 'number') return [name];
  return inbound.flatMap(sourcesOf);
}

function parse<T extends z.ZodType>(schema: T, value: unknown, path: string): z.output<T> {
  const result = schema.safeParse(value, { reportInput: true, error: expectedWords });
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new DataError(`${path}: is not a model of Keras that can be read: ${issue?.path.join('.')}: ${issue?.message}`);
}
