import {
  type LogicalType,
  quoteIdentifier,
  type RedactedColumn,
  type RedactedFile,
  type RedactedFileColumn,
  sqlType,
  type TableSchema,
  UNDECIDED,
} from '@hakiri/core';
import { compileAction, type Pseudonyms } from '../actions/index.ts';
import { foldKey, type InsidePlace, type Place, pathOf, unnamedPlace } from './places.ts';

/** A value left of an expression, and its type; undefined: nothing. */
interface Left {
  readonly type: LogicalType;
  /** Undefined: as it is. */
  readonly sql: string | undefined;
}

interface FileRedaction {
  readonly pseudonyms: Pseudonyms;
  readonly unnamed: Set<string>;
}

/** The columns of a file that the engine reads by itself, as places of records say of them. */
export function redactedFile(
  { columns }: TableSchema,
  root: InsidePlace,
  pseudonyms: Pseudonyms,
): RedactedFile {
  const file: FileRedaction = { pseudonyms, unnamed: new Set() };
  const left = columns.map(({ name, type: from }): RedactedFileColumn => {
    const value = leftOf(childOf(root, name), quoteIdentifier(name), from, file, 0);
    return { name, from, type: value?.type, sql: value?.sql };
  });
  return { columns: left, unnamed: [...file.unnamed] };
}

function childOf(place: InsidePlace, name: string): Place {
  const known = place.children.get(foldKey(name));
  if (known !== undefined) return known;
  if (place.others === 'clear') return { kind: 'clear' };
  return unnamedPlace(pathOf(place.path, name), name);
}

function leftOf(
  place: Place,
  sql: string,
  type: LogicalType,
  file: FileRedaction,
  depth: number,
): Left | undefined {
  switch (place.kind) {
    case 'clear':
      return { type, sql: undefined };
    case 'drop':
      return undefined;
    case 'unnamed':
      file.unnamed.add(place.key);
      return place.isData ? undefined : NOTHING;
    case 'replace':
      return acted(place.by, sql, type, file);
    case 'inside':
      return inside(place, sql, type, file, depth);
  }
}

/** A column that nothing was ever in. */
const NOTHING: Left = { type: UNDECIDED, sql: 'NULL' };

function acted(by: RedactedColumn, sql: string, type: LogicalType, { pseudonyms }: FileRedaction): Left {
  if (by.action === 'deny' || type.kind === 'undecided') return NOTHING;
  const action = compileAction(by.action, type, by.piiType, pseudonyms);
  return { type: action.type, sql: action.sql(sql) };
}

function inside(
  place: InsidePlace,
  sql: string,
  type: LogicalType,
  file: FileRedaction,
  depth: number,
): Left | undefined {
  if (type.kind === 'list') {
    const name = `_r${depth}`;
    const item = inside(place, name, type.item, file, depth + 1);
    if (item === undefined) return undefined;
    if (item.sql === undefined) return { type, sql: undefined };
    if (item.type.kind === 'undecided') return NOTHING;
    return {
      type: { kind: 'list', item: item.type },
      sql: `list_transform(${sql}, lambda ${name}: ${item.sql})`,
    };
  }
  if (type.kind !== 'struct') return place.scalars === 'clear' ? { type, sql: undefined } : NOTHING;
  const fields = type.fields.map(({ name, type: held }) => {
    const field = `(${sql}).${quoteIdentifier(name)}`;
    const left = leftOf(childOf(place, name), field, held, file, depth);
    return { name, field, left };
  });
  if (fields.every(({ left }) => left !== undefined && left.sql === undefined))
    return { type, sql: undefined };
  const kept = fields.flatMap(({ name, field, left }) =>
    left === undefined || left.type.kind === 'undecided'
      ? []
      : [{ name, type: left.type, sql: left.sql ?? field }],
  );
  if (kept.length === 0) return NOTHING;
  const packed = kept.map(
    ({ name, sql: value, type: of }) => `${quoteIdentifier(name)} := CAST(${value} AS ${sqlType(of)})`,
  );
  return {
    type: { kind: 'struct', fields: kept.map(({ name, type: of }) => ({ name, type: of })) },
    sql: `CASE WHEN ${sql} IS NULL THEN NULL ELSE struct_pack(${packed.join(', ')}) END`,
  };
}
