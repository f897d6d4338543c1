import { denseNames } from '../../shared/model/network.js';
import type { ModelSpec } from '../../shared/model/spec.js';

/** In Keras's files, our InputLayer, and a group that Keras 2 has beside those of its layers. */
const reserved: readonly string[] = ['input', 'top_level_model_weights'];

/**
 * The names of dense layers in files for Keras and tfjs, in order. TensorFlow takes letters, digits, dots, dashes and underscores of
 * ASCII, first a letter or a digit: what else a name has becomes an underscore, and a taken name gets one behind it.
 */
function kerasNames(spec: ModelSpec): string[] {
  const own = denseNames(spec);
  const taken = new Set([...reserved, ...own.filter((name) => plainName(name) === name && !reserved.includes(name))]);
  return own.map((name) => {
    if (plainName(name) === name && !reserved.includes(name)) return name;
    let free = plainName(name);
    while (taken.has(free)) free += '_';
    taken.add(free);
    return free;
  });
}

/** A model whose dense layers have those names. */
export function withKerasNames(spec: ModelSpec): ModelSpec {
  const [own, names] = [denseNames(spec), kerasNames(spec)];
  let count = 0;
  const layers = spec.layers.map((layer) => {
    if (layer.kind !== 'dense') return layer;
    const name = names[count];
    return name === own[count++] ? layer : { ...layer, name };
  });
  return { ...spec, layers };
}

/** The layers that are called otherwise in those files; undefined where none is. */
export function renamingNote(spec: ModelSpec): string | undefined {
  const names = kerasNames(spec);
  const renamed = denseNames(spec).flatMap((name, i) => (name === names[i] ? [] : [`${name} is ${names[i]}`]));
  return renamed.length === 0 ? undefined : `Keras and tfjs do not take these names of layers: in the file ${renamed.join(', ')}`;
}

function plainName(name: string): string {
  const plain = name.replace(/[^A-Za-z0-9_.-]/gu, '_');
  return /^[A-Za-z0-9]/.test(plain) ? plain : `layer${plain.replace(/^_*/, '_')}`;
}
