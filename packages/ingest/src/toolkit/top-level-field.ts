/** A field of a record: its name, or names for a dotted path into objects, as UTF-8. */
export type FieldPath = readonly Uint8Array[];

export function fieldPath(dotted: string): FieldPath {
  return dotted.split('.').map((name) => Buffer.from(name, 'utf8'));
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/**
 * The JSON text of a field, as it stands in the record, digits past 2^53 included. Undefined when the record has
 * no such field. The record is one JSON object; on text that is not well formed the answer is undefined or wrong,
 * never an endless loop or an exception.
 */
export function rawField(record: Uint8Array, path: FieldPath): Uint8Array | undefined {
  let from = 0;
  let to = record.length;
  for (const name of path) {
    const value = findMember(record, from, to, name);
    if (value === undefined) return undefined;
    from = value.from;
    to = value.to;
  }
  return record.subarray(from, to);
}

/** The field's JSON text as a string; undefined for a field that is missing or null. */
export function rawFieldText(record: Uint8Array, path: FieldPath): string | undefined {
  const raw = rawField(record, path);
  if (raw === undefined) return undefined;
  const text = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('utf8');
  return text === 'null' ? undefined : text;
}

function findMember(
  bytes: Uint8Array,
  from: number,
  to: number,
  name: Uint8Array,
): { from: number; to: number } | undefined {
  let at = skipSpace(bytes, from, to);
  if (bytes[at] !== OPEN_BRACE) return undefined;
  at = skipSpace(bytes, at + 1, to);
  while (at < to && bytes[at] === QUOTE) {
    const keyEnd = endOfString(bytes, at, to);
    const found = sameKey(bytes, at + 1, keyEnd - 1, name);
    at = skipSpace(bytes, keyEnd, to);
    if (bytes[at] !== COLON) return undefined;
    at = skipSpace(bytes, at + 1, to);
    const valueEnd = endOfValue(bytes, at, to);
    if (found) return { from: at, to: valueEnd };
    at = skipSpace(bytes, valueEnd, to);
    if (bytes[at] !== COMMA) return undefined;
    at = skipSpace(bytes, at + 1, to);
  }
  return undefined;
}

function sameKey(bytes: Uint8Array, from: number, to: number, name: Uint8Array): boolean {
  const escapeAt = bytes.subarray(from, to).indexOf(BACKSLASH);
  if (escapeAt !== -1) return unescapedKey(bytes, from, to) === Buffer.from(name).toString('utf8');
  if (to - from !== name.length) return false;
  for (let i = 0; i < name.length; i++) if (bytes[from + i] !== name[i]) return false;
  return true;
}

function unescapedKey(bytes: Uint8Array, from: number, to: number): unknown {
  try {
    return JSON.parse(`"${Buffer.from(bytes.subarray(from, to)).toString('utf8')}"`);
  } catch {
    return undefined;
  }
}

/** Past the closing quote of the string that starts at `at`. */
function endOfString(bytes: Uint8Array, at: number, to: number): number {
  for (let i = at + 1; i < to; i++) {
    const byte = bytes[i];
    if (byte === BACKSLASH) i++;
    else if (byte === QUOTE) return i + 1;
  }
  return to;
}

/** Past the value that starts at `at`; trailing space is not part of it. */
function endOfValue(bytes: Uint8Array, at: number, to: number): number {
  const first = bytes[at];
  if (first === QUOTE) return endOfString(bytes, at, to);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return endOfNest(bytes, at, to);
  let i = at;
  while (i < to && bytes[i] !== COMMA && bytes[i] !== CLOSE_BRACE && bytes[i] !== CLOSE_BRACKET) {
    if (isSpace(bytes[i])) break;
    i++;
  }
  return i;
}

function endOfNest(bytes: Uint8Array, at: number, to: number): number {
  let depth = 0;
  for (let i = at; i < to; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) i = endOfString(bytes, i, to) - 1;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth--;
      if (depth === 0) return i + 1;
    }
  }
  return to;
}

function skipSpace(bytes: Uint8Array, at: number, to: number): number {
  let i = at;
  while (i < to && isSpace(bytes[i])) i++;
  return i;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
