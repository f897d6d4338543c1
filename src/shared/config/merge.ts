type Mapping = Readonly<Record<string, unknown>>;

/**
 * Lays one config over another, both as they stand in files: mappings are merged key by key, all else is replaced.
 * An optimizer or a data set may stand as a mere name, which a mapping laid over it keeps. How inputs are prepared is one
 * thing, in whichever form it stands, and a schedule has no keys of another.
 */
export function mergeConfigs(under: Mapping, over: Mapping): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = typeof merged[key] === 'string' && isMapping(value) ? { name: merged[key] } : merged[key];
    const isWhole = key === 'normalize' || isOtherSchedule(below, value);
    merged[key] = !isWhole && isMapping(below) && isMapping(value) ? mergeConfigs(below, value) : value;
  }
  return merged;
}

function isOtherSchedule(below: unknown, value: unknown): boolean {
  return isMapping(below) && isMapping(value) && 'schedule' in value && below['schedule'] !== value['schedule'];
}

export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
