import {
  decimalValue,
  doubleValue,
  findColumn,
  HakiriError,
  integerValue,
  type JsonValue,
  type LogicalType,
  orderValueSql,
  type TableMode,
  type TableSchema,
  textValue,
  timeValue,
} from '@hakiri/core';
import { parseDate, parseDatetime, parseTimestamp } from './moments.ts';
import { decimalOf, integerOf, requireKnown, valueText } from './value-text.ts';

/** A row to write, or the key of one to delete. Values are in the one JSON form. */
export type SmallRow =
  | { readonly values: Readonly<Record<string, JsonValue>> }
  | { readonly delete: Readonly<Record<string, JsonValue>> };

/** A row that fits its table. */
export interface CheckedRow {
  /** Its own columns as members of a JSON object, each with a comma behind it. */
  readonly members: string;
  readonly deleted: boolean;
  /** Value part of its order key; undefined where it has none. */
  readonly orderValue: string | undefined;
}

export interface RowRules {
  readonly mode: TableMode;
  readonly primaryKey: readonly string[];
  readonly incremental: string | undefined;
  readonly declared: TableSchema;
}

/**
 * Checks rows against what their table declares.
 * @throws HakiriError manifest.wrong_type when the incremental column has no order; what it returns throws
 * record.unknown_column, record.null_key, record.type_conflict, record.delete_without_key
 */
export function rowChecker({ mode, primaryKey, incremental, declared }: RowRules) {
  const order =
    incremental === undefined || mode === 'replace' ? undefined : orderColumn(incremental, declared);
  const columns = declared.columns.map(({ name, type }) => ({
    name,
    type,
    member: `${JSON.stringify(name)}:`,
  }));
  const names = columns.map(({ name }) => name);

  return (row: SmallRow): CheckedRow => {
    const deleted = 'delete' in row;
    if (deleted && primaryKey.length === 0) {
      throw new HakiriError(
        'record.delete_without_key',
        'A table without a primary key has nothing to delete by',
      );
    }
    const values = deleted ? row.delete : row.values;
    requireKnown(Object.keys(values), deleted ? primaryKey : names);
    const nullKey = primaryKey.find((name) => own(values, name) === null);
    if (nullKey !== undefined) {
      throw new HakiriError(
        'record.null_key',
        `Column ${nullKey} is part of the primary key and has no value`,
        {
          hint: `Give every row ${primaryKey.join(', ')}.`,
          details: { column: nullKey },
        },
      );
    }
    let members = '';
    for (const { name, type, member } of columns) {
      const value = own(values, name);
      if (value !== null) members += `${member}${valueText(value, type, name)},`;
    }
    const orderValue = order && !deleted ? orderValueOf(reach(values, order.path), order.type) : undefined;
    return { members, deleted, orderValue };
  };
}

function own(values: Readonly<Record<string, JsonValue>>, name: string): JsonValue {
  return Object.hasOwn(values, name) ? (values[name] ?? null) : null;
}

interface OrderColumn {
  readonly path: readonly string[];
  readonly type: LogicalType;
}

/** Undefined for a column that is not declared: then no row has a value. */
function orderColumn(incremental: string, declared: TableSchema): OrderColumn | undefined {
  const path = incremental.split('.');
  const [first = '', ...inner] = path;
  let type = findColumn(declared, first)?.type;
  for (const name of inner) {
    type = type?.kind === 'struct' ? type.fields.find((field) => field.name === name)?.type : undefined;
  }
  if (type === undefined) return undefined;
  // Refuses a type that has no order.
  orderValueSql('v', type);
  return { path, type };
}

function reach(values: Readonly<Record<string, JsonValue>>, path: readonly string[]): JsonValue {
  return path.reduce<JsonValue>(
    (value, name) =>
      typeof value === 'object' && value !== null && !Array.isArray(value) ? own(value, name) : null,
    values as JsonValue,
  );
}

/** Of a value that fits its type; the same as the engine makes of it. */
function orderValueOf(value: JsonValue, type: LogicalType): string | undefined {
  if (value === null) return undefined;
  const text = String(value);
  const moment = (micros: bigint | undefined) => (micros === undefined ? undefined : timeValue(micros));
  switch (type.kind) {
    case 'timestamp':
      return moment(parseTimestamp(text));
    case 'datetime':
      return moment(parseDatetime(text));
    case 'date':
      return moment(parseDate(text));
    case 'double':
      return doubleValue(Number(value));
    case 'decimal': {
      const unscaled = decimalOf(value, type);
      return unscaled === undefined ? undefined : decimalValue(unscaled);
    }
    case 'string':
      return textValue(text.toWellFormed());
    default: {
      const integer = integerOf(value, 64n);
      return integer === undefined ? undefined : integerValue(integer);
    }
  }
}
