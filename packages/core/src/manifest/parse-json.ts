/**
 * Reads JSON where `JSON.parse` would hide a mistake of the writer: it names line and column, and refuses a key
 * given twice, a number that would lose digits, and nesting past a limit.
 */
export function parseJson(text: string): unknown {
  const reader: Reader = { text, at: 0, depth: 0 };
  const value = readValue(reader);
  skipSpace(reader);
  if (reader.at < text.length) throw new JsonSyntaxError(reader, 'something follows the value');
  return value;
}

/** Line and column count from one. */
export class JsonSyntaxError extends Error {
  readonly line: number;
  readonly column: number;

  constructor(reader: Reader, message: string) {
    super(message);
    const before = reader.text.slice(0, reader.at);
    this.line = before.split('\n').length;
    this.column = reader.at - before.lastIndexOf('\n');
  }
}

interface Reader {
  readonly text: string;
  at: number;
  depth: number;
}

const MAX_DEPTH = 64;
const SPACE = /[ \t\r\n]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;

function readValue(reader: Reader): unknown {
  skipSpace(reader);
  const sign = reader.text[reader.at];
  if (sign === '{' || sign === '[') {
    if (++reader.depth > MAX_DEPTH) throw new JsonSyntaxError(reader, `nested deeper than ${MAX_DEPTH}`);
    const value = sign === '{' ? readObject(reader) : readArray(reader);
    reader.depth--;
    return value;
  }
  if (sign === '"') return readString(reader);
  const number = take(reader, NUMBER);
  if (number !== '') return readNumber(reader, number);
  const word = take(reader, WORD);
  if (word === '') throw new JsonSyntaxError(reader, 'a value is missing');
  return word === 'null' ? null : word === 'true';
}

function readObject(reader: Reader): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  reader.at++;
  if (accept(reader, '}')) return object;
  do {
    skipSpace(reader);
    const start = reader.at;
    const key = readString(reader);
    if (Object.hasOwn(object, key) || key === '__proto__') {
      reader.at = start;
      throw new JsonSyntaxError(
        reader,
        key === '__proto__' ? 'a key is not allowed' : 'a key is given twice',
      );
    }
    if (!accept(reader, ':')) throw new JsonSyntaxError(reader, 'a colon is missing');
    object[key] = readValue(reader);
  } while (accept(reader, ','));
  if (!accept(reader, '}')) throw new JsonSyntaxError(reader, 'a comma or } is missing');
  return object;
}

function readArray(reader: Reader): unknown[] {
  const array: unknown[] = [];
  reader.at++;
  if (accept(reader, ']')) return array;
  do array.push(readValue(reader));
  while (accept(reader, ','));
  if (!accept(reader, ']')) throw new JsonSyntaxError(reader, 'a comma or ] is missing');
  return array;
}

function readString(reader: Reader): string {
  const start = reader.at;
  if (reader.text[start] !== '"') throw new JsonSyntaxError(reader, 'a text in double quotes is missing');
  let end = start + 1;
  while (end < reader.text.length && reader.text[end] !== '"') end += reader.text[end] === '\\' ? 2 : 1;
  try {
    const text = JSON.parse(reader.text.slice(start, end + 1)) as string;
    reader.at = end + 1;
    return text;
  } catch {
    throw new JsonSyntaxError(reader, 'a text is not closed, or holds a control character or a wrong escape');
  }
}

function readNumber(reader: Reader, text: string): number {
  const value = Number(text);
  const keepsDigits = Number.isSafeInteger(value) || /[.eE]/.test(text) || String(value) === text;
  if (!Number.isFinite(value) || !keepsDigits) {
    throw new JsonSyntaxError(reader, 'a number is too large: write it as text');
  }
  return value;
}

function skipSpace(reader: Reader): void {
  take(reader, SPACE);
}

function accept(reader: Reader, sign: string): boolean {
  skipSpace(reader);
  if (reader.text[reader.at] !== sign) return false;
  reader.at++;
  return true;
}

function take(reader: Reader, pattern: RegExp): string {
  pattern.lastIndex = reader.at;
  const found = pattern.exec(reader.text)?.[0] ?? '';
  reader.at += found.length;
  return found;
}
