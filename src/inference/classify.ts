import type { ModelSpec } from '../shared/model/spec.js';

/** The class that a sample is given, and how probable the model says it is. */
export interface Classification {
  readonly class: number;
  readonly probability: number;
}

/** What a model gives for one sample; for a classifier, with its class. */
export interface Answer {
  readonly outputs: readonly number[];
  /** Of a classifier; null where its outputs are not finite, which name no class. */
  readonly class?: number | null;
  readonly probability?: number | null;
  /** The name of its class, where classes have names. */
  readonly label?: string;
}

/** Outputs [n, width] as an answer a sample. @param classes their names, in the order of their numbers */
export function answersOf(
  given: Float32Array,
  width: number,
  classify: Classifier | undefined,
  classes: readonly string[] | undefined,
): Answer[] {
  return Array.from({ length: given.length / width }, (_, row) => {
    const outputs = [...given.subarray(row * width, (row + 1) * width)];
    if (classify && !outputs.every(Number.isFinite)) return { outputs, class: null, probability: null };
    const classification = classify?.(outputs);
    const label = classification && classes?.[classification.class];
    return { outputs, ...classification, ...(label !== undefined && { label }) };
  });
}

export type Classifier = (outputs: readonly number[]) => Classification;

/**
 * How a model's outputs name a class; undefined where they do not. A last softmax gives a probability a class, a last
 * sigmoid of one unit that of class 1; several sigmoids are labels that do not exclude each other.
 */
export function classifierOf({ layers }: ModelSpec): Classifier | undefined {
  const last = layers.findLast((layer) => layer.kind === 'dense');
  if (last?.activation === 'softmax' && last.units > 1) return mostProbable;
  if (last?.activation === 'sigmoid' && last.units === 1) return oneOfTwo;
  return undefined;
}

/** The first one where several are equal. */
function mostProbable(outputs: readonly number[] | Float32Array): Classification {
  const probability = Math.max(...outputs);
  return { class: Math.max(outputs.indexOf(probability), 0), probability };
}

/** With Keras's threshold: class 1 is what lies above 0.5. */
function oneOfTwo([probability = Number.NaN]: readonly number[]): Classification {
  return probability > 0.5 ? { class: 1, probability } : { class: 0, probability: 1 - probability };
}
