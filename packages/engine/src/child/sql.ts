import type { DuckDBPreparedStatement, DuckDBType } from '@duckdb/node-api';
import type { JsonValue } from '@hakiri/core';
import type { QueryResult, SessionQuery } from '../protocol.ts';
import { jsonValue } from './json-value.ts';
import { withSession } from './session.ts';

/** @throws HakiriError query.*, store.damaged */
export function runSessionQuery(request: SessionQuery): Promise<QueryResult> {
  return withSession(request, async ({ connection, query }) =>
    collect(await connection.prepare(query.sql), request),
  );
}

async function collect(
  prepared: DuckDBPreparedStatement,
  { maxRows, maxBytes, skipRows = 0 }: SessionQuery,
): Promise<QueryResult> {
  const result = await prepared.stream();
  const types = result.columnTypes();
  const names = result.deduplicatedColumnNames();
  const columns = names.map((name, i) => ({ name, type: String(types[i]) }));
  const rows: JsonValue[][] = [];
  let bytes = 0;
  let skip = skipRows;
  for await (const chunk of result) {
    const from = Math.min(skip, chunk.rowCount);
    skip -= from;
    if (from === chunk.rowCount) continue;
    for (const row of from === 0 ? chunk.getRows() : chunk.getRows().slice(from)) {
      const encoded = row.map((cell, i) => jsonValue(cell, types[i] as DuckDBType));
      bytes += JSON.stringify(encoded).length;
      if (rows.length >= maxRows) return { columns, rows, truncated: 'rows' };
      if (bytes > maxBytes) return { columns, rows, truncated: 'bytes' };
      rows.push(encoded);
    }
  }
  return { columns, rows, truncated: false };
}
