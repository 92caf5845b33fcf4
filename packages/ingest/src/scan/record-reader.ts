import { type Fault, fault } from './fault.ts';

/** A JSON value and where it stands in its line. */
export type JsonValue =
  | { readonly kind: 'null' | 'boolean' | 'string'; readonly start: number; readonly end: number }
  | NumberValue
  | {
      readonly kind: 'array';
      readonly start: number;
      readonly end: number;
      readonly items: readonly JsonValue[];
    }
  | ObjectValue;

export interface NumberValue {
  readonly kind: 'number';
  readonly start: number;
  readonly end: number;
  readonly token: string;
  /** Written without a fraction and an exponent. */
  readonly integer: boolean;
}

export interface ObjectValue {
  readonly kind: 'object';
  readonly start: number;
  readonly end: number;
  readonly members: readonly Member[];
}

export interface Member {
  readonly key: string;
  readonly value: JsonValue;
}

/** Bytes of a line to be replaced. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export interface RecordText {
  readonly kind: 'record';
  readonly value: JsonValue;
  /** Surrogate escapes without their other half, which the engine refuses: each becomes U+FFFD. */
  readonly repairs: readonly Edit[];
}

const MAX_DEPTH = 1000;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const LETTER_U = 0x75;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const PLAIN_ESCAPES = new Set(Buffer.from('"\\/bfnrt'));
const WORDS = [
  { bytes: Buffer.from('null'), kind: 'null' },
  { bytes: Buffer.from('true'), kind: 'boolean' },
  { bytes: Buffer.from('false'), kind: 'boolean' },
] as const;

interface Reader {
  readonly bytes: Buffer;
  readonly repairs: Edit[];
  at: number;
  depth: number;
  fault: Fault | undefined;
}

/** Reads one line of valid UTF-8 exactly as JSON wants it, and says where each value stands. */
export function readRecord(line: Buffer): RecordText | Fault {
  const reader: Reader = { bytes: line, repairs: [], at: 0, depth: 0, fault: undefined };
  const value = readValue(reader);
  if (value !== undefined) {
    skipBlanks(reader);
    if (reader.at === line.length) return { kind: 'record', value, repairs: reader.repairs };
  }
  return reader.fault ?? fault('record.malformed_json', `the record is not valid JSON, at byte ${reader.at}`);
}

// Each reader below gives undefined where the text is not valid JSON; `at` is then where it went wrong.

function readValue(reader: Reader): JsonValue | undefined {
  skipBlanks(reader);
  const start = reader.at;
  const byte = reader.bytes[start];
  if (byte === QUOTE) return readString(reader) ? { kind: 'string', start, end: reader.at } : undefined;
  if (byte === OPEN_BRACE || byte === OPEN_BRACKET) return readNested(reader, byte);
  if (byte === MINUS || isDigit(byte)) return readNumber(reader);
  for (const word of WORDS) {
    const end = start + word.bytes.length;
    if (byte === word.bytes[0] && word.bytes.equals(reader.bytes.subarray(start, end))) {
      reader.at = end;
      return { kind: word.kind, start, end };
    }
  }
  return undefined;
}

function readNested(reader: Reader, opener: number): JsonValue | undefined {
  if (reader.depth === MAX_DEPTH) {
    reader.fault = fault('record.malformed_json', `the record is nested deeper than ${MAX_DEPTH} levels`);
    return undefined;
  }
  reader.depth++;
  const value = opener === OPEN_BRACE ? readObject(reader) : readArray(reader);
  reader.depth--;
  return value;
}

function readObject(reader: Reader): JsonValue | undefined {
  const start = reader.at++;
  const members: Member[] = [];
  if (takes(reader, CLOSE_BRACE)) return { kind: 'object', start, end: reader.at, members };
  do {
    skipBlanks(reader);
    const keyAt = reader.at;
    if (reader.bytes[keyAt] !== QUOTE || !readString(reader)) return undefined;
    const key = textOf(reader.bytes, keyAt, reader.at);
    if (!takes(reader, COLON)) return undefined;
    const value = readValue(reader);
    if (value === undefined) return undefined;
    members.push({ key, value });
  } while (takes(reader, COMMA));
  return takes(reader, CLOSE_BRACE) ? { kind: 'object', start, end: reader.at, members } : undefined;
}

function readArray(reader: Reader): JsonValue | undefined {
  const start = reader.at++;
  const items: JsonValue[] = [];
  if (takes(reader, CLOSE_BRACKET)) return { kind: 'array', start, end: reader.at, items };
  do {
    const item = readValue(reader);
    if (item === undefined) return undefined;
    items.push(item);
  } while (takes(reader, COMMA));
  return takes(reader, CLOSE_BRACKET) ? { kind: 'array', start, end: reader.at, items } : undefined;
}

function readNumber(reader: Reader): NumberValue | undefined {
  const { bytes } = reader;
  const start = reader.at;
  if (bytes[reader.at] === MINUS) reader.at++;
  if (bytes[reader.at] === ZERO) reader.at++;
  else if (!readDigits(reader)) return undefined;
  const whole = reader.at;
  if (bytes[reader.at] === 0x2e) {
    reader.at++;
    if (!readDigits(reader)) return undefined;
  }
  if ((bytes[reader.at]! | 0x20) === 0x65) {
    reader.at++;
    if (bytes[reader.at] === 0x2b || bytes[reader.at] === MINUS) reader.at++;
    if (!readDigits(reader)) return undefined;
  }
  const end = reader.at;
  return { kind: 'number', start, end, token: bytes.toString('latin1', start, end), integer: end === whole };
}

function readDigits(reader: Reader): boolean {
  const start = reader.at;
  while (isDigit(reader.bytes[reader.at])) reader.at++;
  return reader.at > start;
}

/** Reads a string, from its opening quote to behind its closing one. */
function readString(reader: Reader): boolean {
  const { bytes } = reader;
  reader.at++;
  for (;;) {
    const byte = bytes[reader.at];
    if (byte === undefined || byte < 0x20) return false;
    if (byte === QUOTE) {
      reader.at++;
      return true;
    }
    if (byte !== BACKSLASH) reader.at++;
    else if (!readEscape(reader)) return false;
  }
}

function readEscape(reader: Reader): boolean {
  const start = reader.at;
  const letter = reader.bytes[start + 1];
  if (letter !== LETTER_U) {
    if (letter === undefined || !PLAIN_ESCAPES.has(letter)) return false;
    reader.at = start + 2;
    return true;
  }
  const unit = unitAt(reader.bytes, start);
  if (unit === undefined) return false;
  reader.at = start + 6;
  if (unit < 0xd800 || unit > 0xdfff) return true;
  const low = unit < 0xdc00 ? unitAt(reader.bytes, start + 6) : undefined;
  if (low !== undefined && low >= 0xdc00 && low <= 0xdfff) reader.at = start + 12;
  else reader.repairs.push({ start, end: start + 6, text: '\\ufffd' });
  return true;
}

/** The code unit of a `\uXXXX` escape. */
function unitAt(bytes: Buffer, at: number): number | undefined {
  const digits = /^\\u([0-9a-fA-F]{4})$/.exec(bytes.toString('latin1', at, at + 6));
  return digits === null ? undefined : Number.parseInt(digits[1]!, 16);
}

/** A string's text, its quotes included in the range; half surrogates become U+FFFD as they will in the record. */
export function textOf(bytes: Buffer, start: number, end: number): string {
  const raw = bytes.toString('utf8', start + 1, end - 1);
  return raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string).toWellFormed() : raw;
}

function takes(reader: Reader, byte: number): boolean {
  skipBlanks(reader);
  if (reader.bytes[reader.at] !== byte) return false;
  reader.at++;
  return true;
}

function skipBlanks(reader: Reader): void {
  for (;;) {
    const byte = reader.bytes[reader.at];
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) return;
    reader.at++;
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}
