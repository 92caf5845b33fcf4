import {
  and,
  compilePredicate,
  isHakiriError,
  type JsonValue,
  parsePredicate,
  predicateToSql,
  quoteIdentifier,
  type TableSchema,
} from '@hakiri/core';
import type { Pseudonyms } from '../actions/pseudonyms.ts';
import { actedOn, type ColumnLeft, columnsLeft, pathSql } from './columns-left.ts';
import type { SeenTable } from './seen-table.ts';
import type { ColumnRule, RowRule, VisibleTable } from './table-policy.ts';

export interface TableShape {
  readonly schema: TableSchema;
  readonly primaryKey: readonly string[];
}

type Row = Readonly<Record<string, JsonValue>>;

/** What a policy leaves of a table. */
export function seenTable(table: TableShape, policy: VisibleTable, pseudonyms: Pseudonyms): SeenTable {
  const columns = columnsLeft(table.schema.columns, policy.columns, pseudonyms);
  const filters = policy.rows.map((rule) => rowFilter(rule, table.schema, pseudonyms));
  const isWhole = policy.digest === '';
  const named = (state: ColumnLeft['state']): ReadonlySet<string> =>
    new Set(columns.filter((column) => column.state === state).map(({ name }) => name));
  const isActedOn =
    columns.length < table.schema.columns.length || columns.some(({ state }) => state !== 'clear');

  return {
    schema: { columns: columns.map(({ name, type }) => ({ name, type })) },
    isWhole,
    seesAllRows: filters.length === 0,
    minGroup: policy.minGroup,
    canSearch: policy.actions.has('search'),
    canRead: policy.actions.has('read') && policy.minGroup === undefined,
    clearColumns: named('clear'),
    scrubbedColumns: named('scrubbed'),
    acted: actedOn(columns),
    key: keyLeft(table.primaryKey, columns),
    digest: policy.digest,
    select(from, { passing, isBarrier }) {
      const left = columns.map((column) => {
        const name = quoteIdentifier(column.name);
        return column.state === 'clear' ? name : `${column.sql(name)} AS ${name}`;
      });
      const items = [...left, ...passing.map(quoteIdentifier)];
      const list = items.length > 0 ? items.join(', ') : 'NULL AS "_hakiri_nothing"';
      if (filters.length === 0) return `SELECT ${list} FROM ${from}`;
      const where = filters.map(({ sql }) => `(${sql})`).join(' AND ');
      const rows = `SELECT * FROM ${from} WHERE ${where}`;
      return isBarrier
        ? `SELECT ${list} FROM (${rows} LIMIT ${ALL_ROWS}) AS "_hakiri_seen"`
        : `SELECT ${list} FROM (${rows}) AS "_hakiri_seen"`;
    },
    row(values) {
      if (!filters.every(({ passes }) => passes(values))) return undefined;
      return isActedOn ? rowLeft(columns, values) : values;
    },
  };
}

/** A limit nothing reaches: what is asked of the rows is not moved past it. */
const ALL_ROWS = '9223372036854775807';

interface RowFilter {
  readonly sql: string;
  passes(row: Row): boolean;
}

/** What does not fit the columns as they are left, lets nothing pass. */
const NO_ROW: RowFilter = { sql: 'FALSE', passes: () => false };

function rowFilter(rule: RowRule, schema: TableSchema, pseudonyms: Pseudonyms): RowFilter {
  try {
    return bindFilter(rule.predicate, rule.under, schema, pseudonyms);
  } catch (error) {
    if (isHakiriError(error)) return NO_ROW;
    throw error;
  }
}

function bindFilter(
  text: string,
  under: readonly ColumnRule[],
  schema: TableSchema,
  pseudonyms: Pseudonyms,
): RowFilter {
  const predicate = and(parsePredicate(text));
  const columns = columnsLeft(schema.columns, under, pseudonyms);
  const asLeft = { columns: columns.map(({ name, type }) => ({ name, type })) };
  const compiled = compilePredicate(predicate, asLeft);
  const isRaw = under.length === 0;
  return {
    sql: predicateToSql(predicate, asLeft, (path) => pathSql(columns, path)),
    passes: (row) => compiled(isRaw ? row : rowLeft(columns, row)) === true,
  };
}

function rowLeft(columns: readonly ColumnLeft[], row: Row): Row {
  const left: Record<string, JsonValue> = {};
  for (const { name, value } of columns)
    left[name] = value(Object.hasOwn(row, name) ? (row[name] ?? null) : null);
  return left;
}

function keyLeft(primaryKey: readonly string[], columns: readonly ColumnLeft[]): SeenTable['key'] {
  const states = primaryKey.map((name) => columns.find((column) => column.name === name)?.state ?? 'changed');
  if (states.every((state) => state === 'clear')) return 'clear';
  return states.every((state) => state === 'clear' || state === 'renamed') ? 'renamed' : 'hidden';
}
