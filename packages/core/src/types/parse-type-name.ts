import { HakiriError } from '../errors.ts';
import { nearest } from '../suggest.ts';
import type { Field, LogicalType, ScalarKind } from './logical-type.ts';

const SCALARS: readonly ScalarKind[] = [
  'boolean',
  'int8',
  'int16',
  'int32',
  'int64',
  'double',
  'string',
  'bytes',
  'date',
  'time',
  'timestamp',
  'datetime',
  'json',
];

const MAX_DEPTH = 64;
const MAX_DECIMAL_DIGITS = 38;

interface Reader {
  readonly text: string;
  at: number;
}

/**
 * The type that `typeName` wrote: `int64`, `decimal(18,2)`, `string[]`, `struct<a: int64, "b c": date[]>`.
 * Throws `manifest.wrong_type`.
 */
export function parseTypeName(text: string): LogicalType {
  const reader: Reader = { text, at: 0 };
  const type = readType(reader, 0);
  skipSpace(reader);
  if (reader.at < text.length) throw invalid(reader, 'something follows the type');
  return type;
}

function readType(reader: Reader, depth: number): LogicalType {
  if (depth > MAX_DEPTH) throw invalid(reader, `it is nested deeper than ${MAX_DEPTH}`);
  let type = readItem(reader, depth);
  for (let lists = 0; accept(reader, '['); lists++) {
    if (depth + lists > MAX_DEPTH) throw invalid(reader, `it is nested deeper than ${MAX_DEPTH}`);
    expect(reader, ']');
    type = { kind: 'list', item: type };
  }
  return type;
}

function readItem(reader: Reader, depth: number): LogicalType {
  const word = readWord(reader).toLowerCase();
  if (word === 'decimal') return readDecimal(reader);
  if (word === 'struct') return readStruct(reader, depth);
  if (word === 'undecided') return { kind: 'undecided' };
  const kind = SCALARS.find((scalar) => scalar === word);
  if (kind !== undefined) return { kind };
  const meant = nearest(word, [...SCALARS, 'decimal', 'struct']);
  throw invalid(reader, meant === undefined ? 'there is no such type' : `did you mean ${meant}?`);
}

function readDecimal(reader: Reader): LogicalType {
  expect(reader, '(');
  const precision = readInteger(reader);
  expect(reader, ',');
  const scale = readInteger(reader);
  expect(reader, ')');
  if (precision < 1 || precision > MAX_DECIMAL_DIGITS || scale > precision) {
    throw invalid(
      reader,
      `a decimal has 1 to ${MAX_DECIMAL_DIGITS} digits, at most all of them after the point`,
    );
  }
  return { kind: 'decimal', precision, scale };
}

function readStruct(reader: Reader, depth: number): LogicalType {
  expect(reader, '<');
  const fields: Field[] = [];
  const seen = new Set<string>();
  if (accept(reader, '>')) return { kind: 'struct', fields };
  do {
    const name = readName(reader);
    if (seen.has(name.toLowerCase())) throw invalid(reader, 'two fields have the same name');
    seen.add(name.toLowerCase());
    expect(reader, ':');
    fields.push({ name, type: readType(reader, depth + 1) });
  } while (accept(reader, ','));
  expect(reader, '>');
  return { kind: 'struct', fields };
}

function readName(reader: Reader): string {
  if (!accept(reader, '"')) return readWord(reader);
  let name = '';
  for (;;) {
    const end = reader.text.indexOf('"', reader.at);
    if (end < 0) throw invalid(reader, 'a quote is not closed');
    name += reader.text.slice(reader.at, end);
    reader.at = end + 1;
    if (reader.text[reader.at] !== '"') return name;
    name += '"';
    reader.at++;
  }
}

function readWord(reader: Reader): string {
  skipSpace(reader);
  const word = /^[A-Za-z_][A-Za-z0-9_]*/.exec(reader.text.slice(reader.at, reader.at + 256))?.[0];
  if (word === undefined) throw invalid(reader, 'a name is missing');
  reader.at += word.length;
  return word;
}

function readInteger(reader: Reader): number {
  skipSpace(reader);
  const digits = /^\d{1,3}/.exec(reader.text.slice(reader.at, reader.at + 3))?.[0];
  if (digits === undefined) throw invalid(reader, 'a number is missing');
  reader.at += digits.length;
  return Number(digits);
}

function skipSpace(reader: Reader): void {
  while (reader.text[reader.at] === ' ') reader.at++;
}

function accept(reader: Reader, sign: string): boolean {
  skipSpace(reader);
  if (reader.text[reader.at] !== sign) return false;
  reader.at++;
  return true;
}

function expect(reader: Reader, sign: string): void {
  if (!accept(reader, sign)) throw invalid(reader, `"${sign}" is missing`);
}

function invalid(reader: Reader, why: string): HakiriError {
  const shown = reader.text.length > 80 ? `${reader.text.slice(0, 80)}...` : reader.text;
  return new HakiriError(
    'manifest.wrong_type',
    `"${shown}" is not a type: ${why} (character ${reader.at + 1})`,
    {
      hint: `Types are ${SCALARS.join(', ')}, decimal(18,2), struct<a: int64, b: string>, and any of them with [] for a list.`,
    },
  );
}
