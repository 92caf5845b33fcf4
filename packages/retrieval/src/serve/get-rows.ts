import {
  type AuditRead,
  type FoundRow,
  findColumn,
  type GetRequest,
  HakiriError,
  type JsonValue,
  quoteIdentifier,
} from '@hakiri/core';
import { citeRows, isKeyed, keyColumns, renamedKeyColumns, toldKey, valueAt } from '../cite/citations.ts';
import { findPath } from '../query/columns.ts';
import { valueSql } from '../query/hits-sql.ts';
import { ownSession, rawKeyColumns, type ServedTable } from '../query/session.ts';
import { namedColumns } from '../query/structured-sql.ts';
import { returnedRead } from './audit-reads.ts';
import { sessionLimits } from './limits.ts';
import { requireRows } from './moment.ts';
import type { ServeParts } from './parts.ts';
import { bounded } from './pin.ts';

export interface GotRows {
  /** In the order asked; undefined where there is none, or none that is seen. */
  readonly rows: readonly (FoundRow | undefined)[];
  readonly read: AuditRead;
}

/**
 * Rows by key, each with where it comes from.
 * @throws HakiriError query.unknown_column, access.denied, access.aggregate_only
 */
export async function getRows(
  parts: ServeParts,
  served: ServedTable,
  { keys, select }: GetRequest,
): Promise<GotRows> {
  requireRows(served);
  const { lineages, project, store, rowNames } = parts;
  const { table, seen } = served;
  const schema = namedColumns(served);
  const paths = select?.map((name) => [name, findPath(name, schema).path] as const);
  const known = await storeKeys(parts, served, keys);
  const asked = known.flatMap((key) => (key === undefined ? [] : [key]));
  const read = await store.rows(table.name, asked);
  const byKey = new Map(asked.map((key, i) => [key, read[i]]));
  const found = known.flatMap((key, i) => {
    const row = key && byKey.get(key);
    const left = row && seen.row(row.values);
    if (row === undefined || left === undefined) return [];
    const own = {
      _hakiri_run: row.run,
      _hakiri_seq: row.seq,
      _hakiri_deleted: false,
      _hakiri_order: row.order,
    };
    const all: Readonly<Record<string, JsonValue>> = { ...row.values, ...own };
    const shown: Readonly<Record<string, JsonValue>> = seen.isWhole ? all : left;
    const renamed = renamedKeyColumns(table, seen).map((name) => left[name] ?? null);
    const told = toldKey(served, row, renamed, rowNames);
    return [
      {
        index: i,
        values:
          paths === undefined
            ? left
            : Object.fromEntries(paths.map(([name, path]) => [name, fieldAt(shown, path)])),
        cited: {
          key: keyColumns(table).map((name) => all[name] ?? null),
          run: row.run,
          incremental: table.incremental === null ? undefined : valueAt(row.values, table.incremental),
          ...(told === undefined ? {} : { told }),
        },
      },
    ];
  });
  const citations = await citeRows(
    lineages,
    project,
    table,
    found.map(({ cited }) => cited),
  );
  const rows: (FoundRow | undefined)[] = keys.map(() => undefined);
  found.forEach(({ index, values }, i) => {
    const citation = citations[i];
    if (citation) rows[index] = { values, citation };
  });
  const columns = paths?.flatMap(([, [column]]) => column ?? []);
  return {
    rows,
    read: returnedRead(
      table,
      found.map(({ cited }) => cited.key),
      columns && [...new Set(columns)],
    ),
  };
}

/** The keys as the store knows them, of those that the grant has; undefined for one that names no row. */
async function storeKeys(
  parts: ServeParts,
  served: ServedTable,
  keys: readonly (readonly JsonValue[])[],
): Promise<readonly (readonly JsonValue[] | undefined)[]> {
  const { table, seen } = served;
  if (seen.isWhole) return keys;
  if (!isKeyed(table)) {
    return keys.map(([name, ...more]) =>
      typeof name === 'string' && more.length === 0 ? parts.rowNames?.rowOf(name) : undefined,
    );
  }
  if (seen.key === 'clear') return keys;
  if (seen.key === 'renamed') return keysBehind(parts, served, keys);
  throw new HakiriError('access.denied', `Rows of ${table.name} cannot be asked for by their key`, {
    hint: 'Its key is not served: ask with a filter.',
  });
}

/** Of keys that are served as pseudonyms. */
async function keysBehind(
  { store, engine }: ServeParts,
  { table, seen }: ServedTable,
  keys: readonly (readonly JsonValue[])[],
): Promise<readonly (readonly JsonValue[] | undefined)[]> {
  const { primaryKey } = table;
  const wanted = keys.filter((key) => key.length === primaryKey.length);
  if (wanted.length === 0) return keys.map(() => undefined);
  const types = primaryKey.map((name) => findColumn(seen.schema, name)?.type ?? { kind: 'string' as const });
  const values = wanted.map(
    (key) => `(${types.map((type, i) => valueSql(key[i] ?? null, type)).join(', ')})`,
  );
  const raw = rawKeyColumns(table).map(quoteIdentifier).join(', ');
  const renamed = primaryKey.map(quoteIdentifier).join(', ');
  const sql = `SELECT ${raw}, ${renamed} FROM ${quoteIdentifier(table.name)} WHERE (${renamed}) IN (VALUES ${values.join(', ')})`;
  const { rows } = await engine.query(
    {
      ...ownSession(store, { table: bounded(store, table), seen }, sql),
      maxRows: Number.MAX_SAFE_INTEGER,
      maxBytes: Number.MAX_SAFE_INTEGER,
    },
    sessionLimits({})(),
  );
  const behind = new Map(
    rows.map((row) => [JSON.stringify(row.slice(primaryKey.length)), row.slice(0, primaryKey.length)]),
  );
  return keys.map((key) => behind.get(JSON.stringify(key)));
}

/** A field of null is null. */
export function fieldAt(values: Readonly<Record<string, JsonValue>>, path: readonly string[]): JsonValue {
  return path.reduce<JsonValue>((value, name) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    return value[name] ?? null;
  }, values);
}
