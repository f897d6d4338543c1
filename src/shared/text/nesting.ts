/** How deep lists and mappings of a JSON text stand within each other. It is not read for that: parsing a deep one takes memory. */
export function depthOf(text: string): number {
  let [depth, most, isText] = [0, 0, false];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) isText = !isText;
    else if (isText) i += code === 0x5c ? 1 : 0;
    else if (code === 0x5b || code === 0x7b) most = Math.max(most, ++depth);
    else if (code === 0x5d || code === 0x7d) depth--;
  }
  return most;
}
