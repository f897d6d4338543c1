/**
 * Bytes that the name of a run may have: file systems take 255, to which the time or a number may be added, and the dashboard
 * any name of a folder.
 */
export const longestRunName = 200;

/** A name of any length, such as a file's, as the start of a run's name. */
export function asRunName(name: string): string {
  const bytes = Buffer.from(name);
  if (bytes.length <= longestRunName) return name;
  // A character that is cut in two becomes a mark.
  return bytes.toString('utf8', 0, longestRunName).replace(/\uFFFD+$/, '');
}
