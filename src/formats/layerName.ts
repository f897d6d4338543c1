import { defaultName } from '../shared/model/network.js';

/** A name as a config may have it, where it is not the one that the layer would have anyway. */
export function ownName(name: string, index: number): { readonly name?: string } {
  const plain = name.replace(/[/\s]+/g, '_');
  return plain === '' || plain === defaultName(index) ? {} : { name: plain };
}
