import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';

/** Readers of a store that know nothing of Hakiri but what its documentation says of the files. */

export type AnyRow = Record<string, unknown>;

/** The rows of `views/<table>.sql`, run where its own comment says. */
export async function readThroughView(context: string, table: string): Promise<AnyRow[]> {
  const view = await openView(context, table);
  try {
    return await view.rows();
  } finally {
    view.close();
  }
}

/** The view as it is now, to be read as often as its files change. */
export async function openView(context: string, table: string) {
  const sql = readFileSync(join(context, 'views', `${table}.sql`), 'utf8');
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const there = async <T>(action: () => Promise<T>): Promise<T> => {
    const here = process.cwd();
    process.chdir(context);
    try {
      return await action();
    } finally {
      process.chdir(here);
    }
  };
  await there(() => connection.run(sql));
  return {
    rows: (): Promise<AnyRow[]> =>
      there(async () => (await connection.runAndReadAll(`FROM "${table}"`)).getRowObjectsJS()),
    close(): void {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** Every row of the part files, read in plain JavaScript. */
export async function readParts(context: string, parts: readonly string[]): Promise<AnyRow[]> {
  const rows: AnyRow[] = [];
  for (const part of parts) {
    const file = await asyncBufferFromFile(join(context, part));
    rows.push(...(await parquetReadObjects({ file, compressors })));
  }
  return rows;
}

/** Of the rows with one key the one with the greatest `_hakiri_order`, unless it is a delete. */
export function winners(rows: readonly AnyRow[], key: readonly string[]): AnyRow[] {
  if (key.length === 0) return rows.filter((row) => !row._hakiri_deleted);
  const best = new Map<string, AnyRow>();
  for (const row of rows) {
    const id = key.map((column) => String(row[column])).join('\0');
    const other = best.get(id);
    if (!other || String(row._hakiri_order) > String(other._hakiri_order)) best.set(id, row);
  }
  return [...best.values()].filter((row) => !row._hakiri_deleted);
}

/**
 * Rows as sorted hashes. What two readers write differently but mean the same hashes the same. `jsonColumns` are
 * those that a reader hands over as text.
 */
export function rowHashes(rows: readonly AnyRow[], jsonColumns: readonly string[] = []): string[] {
  return rows
    .map((row) => {
      const parsed = jsonColumns.map((name) => [name, fromJson(row[name])]);
      return createHash('sha256')
        .update(JSON.stringify(normal({ ...row, ...Object.fromEntries(parsed) })))
        .digest('hex');
    })
    .sort();
}

function fromJson(value: unknown): unknown {
  return typeof value === 'string' ? JSON.parse(value) : value;
}

/** Keys in order, absent for null, every number as its digits, every time in ISO. */
function normal(value: unknown): unknown {
  if (typeof value === 'bigint' || typeof value === 'number') return { number: String(value) };
  if (value instanceof Date) return { time: value.toISOString() };
  if (Array.isArray(value)) return value.map((item) => normal(item ?? null));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null && inner !== undefined)
      .map(([key, inner]) => [key, normal(inner)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
