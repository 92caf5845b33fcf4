import { createHash } from 'node:crypto';
import {
  type ColumnAction,
  findColumn,
  type LogicalType,
  type RecordRedactor,
  type RedactedColumn,
  type RedactionSpec,
  type SetAside,
  type TableRedactor,
  type TableSchema,
} from '@hakiri/core';
import { compileAction, hashText, type Pseudonyms, redactValue } from '../actions/index.ts';
import { redactedFile } from './file-columns.ts';
import { keyDigest } from './key-digest.ts';
import { type Knowledge, type Place, rootPlace } from './places.ts';
import { redactedType } from './redacted-type.ts';
import { replacementBy } from './replacement.ts';
import { rewriteRecords } from './rewrite-records.ts';

const NEWLINE = 0x0a;
/** Names told of keys that nobody named. */
const MAX_UNNAMED = 50;

/** Carries out what the manifest wants taken out of one table's input. */
export function createTableRedactor(
  spec: RedactionSpec,
  declared: TableSchema,
  pseudonyms: Pseudonyms,
): TableRedactor {
  const rules = spec.columns.map((column) => ({
    path: column.path.split('.'),
    place: placeOf(column, typeAt(declared, column.path), pseudonyms),
  }));
  const named = spec.named.map((path) => path.split('.'));
  const knowledge = (seen: TableSchema): Knowledge => ({
    rules,
    named,
    isNamed: spec.unknown === 'pass',
    seen: { kind: 'struct', fields: seen.columns },
  });
  const bytesDigest = (bytes: Uint8Array): string =>
    hashText(createHash('sha256').update(bytes).digest('hex'), pseudonyms);

  return {
    declared: (schema) => redactedDeclaration(schema, spec.columns, pseudonyms),

    records(known): RecordRedactor {
      const unnamed = new Set<string>();
      const root = rootPlace(knowledge(known));
      const onUnnamed = (key: string): void => {
        if (unnamed.size < MAX_UNNAMED) unnamed.add(key);
      };
      return {
        unnamed,
        redact(given) {
          const lines = wholeLines(given);
          const rewritten = rewriteRecords(lines, { root, onUnnamed });
          const setAside = rewritten.malformed.map(
            ({ start, end, isObject }): SetAside => ({
              code: isObject ? 'record.malformed_json' : 'record.not_object',
              reason: isObject ? 'the record is not valid JSON' : 'the record is not a JSON object',
              record: Buffer.alloc(0),
              digest: bytesDigest(lines.subarray(start, end)),
            }),
          );
          return { lines: rewritten.lines, setAside };
        },
      };
    },

    file({ columns }, known) {
      const read = columns.map((column) => findColumn(declared, column.name) ?? column);
      return redactedFile({ columns: read }, rootPlace(knowledge(known)), pseudonyms);
    },

    withoutContent(aside) {
      const { code, reason, column, record } = aside;
      if (record.length === 0) return aside;
      const digest = keyDigest(record, spec.primaryKey, pseudonyms) ?? bytesDigest(record);
      return { code, reason, ...(column === undefined ? {} : { column }), record: Buffer.alloc(0), digest };
    },
  };
}

function placeOf(by: RedactedColumn, type: LogicalType | undefined, pseudonyms: Pseudonyms): Place {
  const { action, piiType } = by;
  if (action === 'deny') return { kind: 'drop' };
  const isNull = type !== undefined && compileAction(action, type, piiType, pseudonyms).isNull;
  const act = isNull ? () => null : redactValue(action, piiType, pseudonyms);
  return { kind: 'replace', by, with: replacementBy(act, type, takesNumbers(action)) };
}

/** As where columns are read: a number has no part that may be shown. */
function takesNumbers(action: ColumnAction): boolean {
  return action === 'hash' || action === 'tokenize';
}

function redactedDeclaration(
  { columns }: TableSchema,
  rules: readonly RedactedColumn[],
  pseudonyms: Pseudonyms,
): TableSchema {
  const left = columns.flatMap(({ name, type }) => {
    const kept = redactedType(
      type,
      name,
      rules,
      (action, of) => compileAction(action, of, undefined, pseudonyms).type,
    );
    return kept === undefined ? [] : [{ name, type: kept }];
  });
  // A pseudonym is text, whatever it stands for: the column must not be anything else when the first one comes.
  for (const { path, action } of rules) {
    if (!takesNumbers(action) || path.includes('.') || left.some(({ name }) => name === path)) continue;
    left.push({ name: path, type: { kind: 'string' } });
  }
  return { columns: left };
}

function typeAt(schema: TableSchema, path: string): LogicalType | undefined {
  const [first = '', ...rest] = path.split('.');
  let type = findColumn(schema, path)?.type ?? findColumn(schema, first)?.type;
  if (findColumn(schema, path) !== undefined) return type;
  for (const name of rest) {
    while (type?.kind === 'list') type = type.item;
    type = type?.kind === 'struct' ? type.fields.find((field) => field.name === name)?.type : undefined;
  }
  return type;
}

function wholeLines(lines: Uint8Array): Buffer {
  const bytes = Buffer.from(lines.buffer, lines.byteOffset, lines.byteLength);
  const isWhole = bytes.length === 0 || bytes.at(-1) === NEWLINE;
  return isWhole ? bytes : Buffer.concat([bytes, Buffer.from([NEWLINE])]);
}
