/** Control characters of C0 and C1, marks that change the direction of text, and separators that some programs end a line at. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const unprintable = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escaped(character: string): string {
  return short[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Text of others, as it may stand in one line of a terminal, a log or a page: what would steer those is escaped, as in JSON. */
export function printableLine(text: string): string {
  return text.replace(unprintable, escaped);
}

/** Text of our own, perhaps of several lines: the same, but its newlines and tabs stay. */
export function printableText(text: string): string {
  return text.replace(unprintable, (character) => (character === '\n' || character === '\t' ? character : escaped(character)));
}
