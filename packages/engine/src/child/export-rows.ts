import { closeSync, openSync, statSync, writeSync } from 'node:fs';
import type { DuckDBConnection, DuckDBType } from '@duckdb/node-api';
import { csvLine, type JsonValue, quoteIdentifier, quoteLiteral } from '@hakiri/core';
import { tablePredicates } from '../cite/table-predicates.ts';
import { queryReads } from '../gate/query-reads.ts';
import type { ExportResult, SessionExport } from '../protocol.ts';
import { jsonValue } from './json-value.ts';
import { withSession } from './session.ts';

/**
 * Writes what one SELECT gives to a file, whatever its size, a chunk at a time.
 * @throws HakiriError query.*, store.disk_full
 */
export function exportRows(request: SessionExport): Promise<ExportResult> {
  // The session may open its files and nothing else: what it writes is one of them.
  const written = request.format === 'parquet' ? [request.output] : [];
  const session = { ...request, allowedPaths: [...request.allowedPaths, ...written] };
  return withSession(session, async ({ connection, parser, query, asked }) => ({
    ...(await (request.format === 'parquet'
      ? writeParquet(connection, query.sql, request.output)
      : writeLines(connection, query.sql, request))),
    reads: queryReads(asked, query.relations),
    predicates: Object.fromEntries(await tablePredicates(parser, asked)),
  }));
}

type Written = Pick<ExportResult, 'rows' | 'bytes'>;

/** The SELECT goes in as a value, so that nothing in its text can end the statement around it. */
async function writeParquet(connection: DuckDBConnection, sql: string, output: string): Promise<Written> {
  const source = `query(${quoteLiteral(sql)})`;
  const prepared = await connection.prepare(`FROM ${source}`);
  const columns = Array.from({ length: prepared.columnCount }, (_, i) =>
    parquetColumn(prepared.columnName(i), prepared.columnType(i)),
  );
  prepared.destroySync();
  const reader = await connection.runAndReadAll(
    `COPY (SELECT ${columns.join(', ')} FROM ${source})
     TO ${quoteLiteral(output)} (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)`,
  );
  return { rows: Number(reader.getRows()[0]?.[0] ?? 0), bytes: statSync(output).size };
}

/** Quoted names inside a type are left alone. */
const HUGE = /"(?:[^"]|"")*"|\bU?HUGEINT\b/g;

/** Parquet has no 128-bit integer, and the engine would round to a double: decimals hold what can be held. */
function parquetColumn(name: string, type: DuckDBType): string {
  const identifier = quoteIdentifier(name);
  const held = String(type);
  const wanted = held.replace(HUGE, (found) => (found.startsWith('"') ? found : 'DECIMAL(38,0)'));
  return wanted === held ? identifier : `CAST(${identifier} AS ${wanted}) AS ${identifier}`;
}

const BUFFER_CHARACTERS = 1 << 20;

/** Lines in the one JSON form of values. The file is written synchronously, so that rows wait for the disk. */
async function writeLines(
  connection: DuckDBConnection,
  sql: string,
  { format, output }: SessionExport,
): Promise<Written> {
  const result = await connection.stream(sql);
  const types = result.columnTypes();
  const names = result.deduplicatedColumnNames();
  const lineOf = format === 'csv' ? csvLine : ndjsonLine(names);
  const file = openSync(output, 'w', 0o600);
  try {
    let rows = 0;
    let bytes = 0;
    let pending = format === 'csv' ? csvLine(names) : '';
    const flush = (): void => {
      bytes += writeAll(file, Buffer.from(pending));
      pending = '';
    };
    for await (const chunk of result) {
      for (const row of chunk.getRows()) {
        pending += lineOf(row.map((cell, i) => jsonValue(cell, types[i] as DuckDBType)));
        rows++;
        if (pending.length >= BUFFER_CHARACTERS) flush();
      }
    }
    flush();
    return { rows, bytes };
  } finally {
    closeSync(file);
  }
}

function ndjsonLine(names: readonly string[]): (row: readonly JsonValue[]) => string {
  const keys = names.map((name) => `${JSON.stringify(name)}:`);
  return (row) => `{${row.map((value, i) => `${keys[i]}${JSON.stringify(value)}`).join(',')}}\n`;
}

function writeAll(file: number, bytes: Uint8Array): number {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
  return bytes.length;
}
