/**
 * Text from sources goes to a model and from there often to a terminal. Neither needs what drives a terminal (ANSI
 * sequences, control characters) nor what shows a reader something else than is there (bidirectional overrides of
 * UAX #9, tag characters and interlinear annotations, which are not shown at all).
 */
const UNSAFE = /(?![\n\t])[\p{Cc}\p{Bidi_Control}\ufff9-\ufffb\u{e0000}-\u{e007f}]/u;
const UNSAFE_ALL = new RegExp(UNSAFE, 'gu');
/** A whole sequence: CSI, then OSC and its like up to their end, then two characters (ECMA-48). */
const ANSI = new RegExp(
  [
    String.raw`(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]`,
    String.raw`(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u009c]{0,4096}(?:\u0007|\u001b\\|\u009c)`,
    String.raw`\u001b[ -/]{0,8}[0-~]`,
  ].join('|'),
  'g',
);

/** Leaves newlines and tabs; a carriage return goes. */
export function cleanText(text: string): string {
  return UNSAFE.test(text) ? text.replace(ANSI, '').replace(UNSAFE_ALL, '') : text;
}

/** On one line, so that no text of an item can look like the next item of a list. */
export function oneLine(text: string): string {
  return text.replace(/[\n\u2028\u2029]+/g, ' ');
}

/** Cleans every text in a JSON value, names of fields included. The same value where there is nothing to clean. */
export function cleanValue<T>(value: T): T;
export function cleanValue(value: unknown): unknown {
  if (typeof value === 'string') return cleanText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return mapChanged(value);
  const entries = Object.entries(value);
  const cleaned = entries.map(([name, inner]) => [cleanText(name), cleanValue(inner)] as const);
  const changed = cleaned.some(([name, inner], i) => name !== entries[i]?.[0] || inner !== entries[i]?.[1]);
  return changed ? Object.fromEntries(cleaned) : value;
}

function mapChanged(values: readonly unknown[]): readonly unknown[] {
  const cleaned = values.map((value) => cleanValue(value));
  return cleaned.some((value, i) => value !== values[i]) ? cleaned : values;
}
