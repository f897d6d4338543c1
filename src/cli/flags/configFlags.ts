import { Option } from 'commander';
import { z } from 'zod';
import { configSchema } from '../../shared/config/configSchema.js';
import { readYaml } from '../../shared/config/yaml.js';

/** A config key that is one value, as a flag. */
export interface ConfigFlag {
  /** Place of the key in a config, e.g. ["earlyStopping", "patience"]. */
  readonly path: readonly string[];
  readonly options: readonly Option[];
  /** The name under which commander keeps its value. */
  readonly attribute: string;
  /** The flag's text as the value that a config file would hold. */
  readonly read: (text: unknown) => unknown;
}

interface Property {
  readonly type?: string;
  /** Of a key that takes values of several kinds. */
  readonly anyOf?: readonly { readonly type?: string }[];
  readonly enum?: readonly string[];
  readonly default?: unknown;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Property>>;
}

/** Flags for every key of the config's schema, named as the keys are, in kebab-case. */
export function configFlags(): ConfigFlag[] {
  const schema = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) as Property;
  const flags = flagsOf(schema, []).filter(({ path }) => path[0] !== 'resolved');
  const rate = flag(
    ['optimizer', 'learningRate'],
    { description: "the optimizer's learning rate, or a schedule as YAML" },
    'learning-rate',
  );
  return [...flags, rate].sort((a, b) => a.attribute.localeCompare(b.attribute));
}

function flagsOf({ properties = {} }: Property, path: readonly string[]): ConfigFlag[] {
  return Object.entries(properties).flatMap(([key, property]) =>
    property.properties ? flagsOf(property, [...path, key]) : [flag([...path, key], property)],
  );
}

function flag(path: readonly string[], property: Property, name: string = kebab(path)): ConfigFlag {
  const { type, anyOf = [], default: fallback, description = '' } = property;
  const canBeFalse = type === 'boolean' || anyOf.some((kind) => kind.type === 'boolean');
  const isShown = fallback !== undefined && typeof fallback !== 'object';
  const option = new Option(
    `--${name} <${placeholder(property)}>`,
    isShown ? `${description} (default: ${String(fallback)})` : description,
  );
  const options = canBeFalse ? [option, new Option(`--no-${name}`, `the same as --${name} false`)] : [option];
  return { path, options, attribute: option.attributeName(), read: (value) => readValue(value, type) };
}

function placeholder({ type, enum: names }: Property): string {
  if (names) return 'name';
  return { integer: 'n', number: 'x', boolean: 'true|false', array: 'a,b', string: 'text' }[type ?? ''] ?? 'value';
}

function readValue(value: unknown, type: string | undefined): unknown {
  if (typeof value !== 'string' || type === 'string') return value;
  if (type === 'array' && !value.startsWith('[')) return value.split(',').map((item) => item.trim());
  try {
    return readYaml(value);
  } catch {
    return value;
  }
}

/** ["earlyStopping", "minDelta"] to `early-stopping-min-delta`. */
export function kebab(path: readonly string[]): string {
  return path.map((key) => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)).join('-');
}
