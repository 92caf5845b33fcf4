/**
 * Text from outside must not be able to drive the terminal: C0 and C1 controls, the bidirectional
 * overrides that reorder what is shown (UAX #9), and line separators are written out.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u2028\u2029]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
const UNSAFE_BUT_NEWLINE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u2028\u2029]/g;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** One line, safe to print. */
export function escapeLine(text: string): string {
  return text.replace(UNSAFE, escapeCharacter);
}

/** Several lines, safe to print. */
export function escapeLines(text: string): string {
  return text.replace(UNSAFE_BUT_NEWLINE, escapeCharacter);
}

/** JSON escapes C0 itself; the others become `\u` escapes, so that the document stays the same value. */
export function escapeJson(json: string): string {
  return json.replace(UNSAFE_BUT_NEWLINE, unicodeEscape);
}

function escapeCharacter(character: string): string {
  return SHORT[character] ?? (character < '\u0080' ? `\\x${hex(character, 2)}` : unicodeEscape(character));
}

function unicodeEscape(character: string): string {
  return `\\u${hex(character, 4)}`;
}

function hex(character: string, digits: number): string {
  return character.charCodeAt(0).toString(16).padStart(digits, '0');
}
