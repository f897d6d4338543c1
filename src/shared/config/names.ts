import { isPair, isScalar, isSeq, parseDocument, type Scalar, visit } from 'yaml';
import type { Problem } from '../text/errors.js';
import { pathText } from './fields.js';
import { isMapping } from './merge.js';

/** Where a config has names that its user chose, which may look like numbers: of columns, layers, runs. */
const places = /^(name|runs|freeze\.\d+|model\.layers\.\d+\.dense\.name|data\.(target|inputs|names)(\.\d+)?|data\.(sampleWeights|groups))$/;
/** Mappings whose keys are such names. */
const keyPlaces = /^data\.(columns|classWeights)\.[^.]*$/;
/** Keys and indices from the top to the deepest name. */
const deepest = 5;

type Path = readonly (string | number)[];

/** A config with numbers that stand for names as text. */
export function namesAsText(raw: unknown, path: Path = []): unknown {
  if (typeof raw === 'number') return places.test(path.join('.')) ? String(raw) : raw;
  if (path.length === deepest) return raw;
  if (Array.isArray(raw)) return raw.map((item, i) => namesAsText(item, [...path, i]));
  if (!isMapping(raw)) return raw;
  return Object.fromEntries(Object.entries(raw).map(([key, value]) => [key, namesAsText(value, [...path, key])]));
}

/**
 * Names in a YAML text that YAML does not leave as they are: `007` is the number 7 to it, and `true` no text.
 * @param at where in a config the text stands
 */
export function changedNames(text: string, at: readonly string[] = []): Problem[] {
  const problems: Problem[] = [];
  visit(parseDocument(text), {
    Scalar(key, node, ancestors) {
      const path = [...at, ...pathOf(node, ancestors)];
      if (!(key === 'key' ? keyPlaces : places).test(path.join('.')) || !isChanged(node)) return;
      const { source, value } = node;
      problems.push({
        path: pathText(path),
        message: `expected a name, got ${source}, which YAML reads as ${value}: put it in quotes, "${source}"`,
      });
    },
  });
  return problems;
}

function isChanged({ type, value, source }: Scalar): boolean {
  if (type !== 'PLAIN') return false;
  return typeof value === 'boolean' || (typeof value === 'number' && String(value) !== source);
}

/** Where a node of a document stands: the keys and indices on the way down to it. */
function pathOf(node: unknown, ancestors: readonly unknown[]): (string | number)[] {
  const nodes = [...ancestors, node];
  return nodes.flatMap((one, i): (string | number)[] => {
    if (isPair(one)) return [isScalar(one.key) ? String(one.key.value) : ''];
    const above = nodes[i - 1];
    return isSeq(above) ? [above.items.indexOf(one)] : [];
  });
}
