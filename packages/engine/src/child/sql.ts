import type { DuckDBDataChunk, DuckDBPreparedStatement, DuckDBType } from '@duckdb/node-api';
import type { JsonValue } from '@hakiri/core';
import { type CiteSession, citeSession } from '../cite/cite-session.ts';
import { citedRows, citedTables, prepareSourced, type SourcedStatement } from '../cite/cited-query.ts';
import { queryReads } from '../gate/query-reads.ts';
import type { CitedRow, QueryCitations, QueryResult, SessionQuery } from '../protocol.ts';
import { jsonValue } from './json-value.ts';
import { type OpenSession, withSession } from './session.ts';

/** @throws HakiriError query.*, store.damaged */
export function runSessionQuery(request: SessionQuery): Promise<QueryResult> {
  const cite = request.cite && citeSession(request, request.cite);
  return withSession(request, (open) => answer(open, request, cite), cite);
}

async function answer(
  open: OpenSession,
  request: SessionQuery,
  cite: CiteSession | undefined,
): Promise<QueryResult> {
  const plain = await open.connection.prepare(open.query.sql);
  const reads = queryReads(open.asked, open.query.relations);
  let sourced: SourcedStatement | undefined;
  try {
    if (!cite) return { ...(await collect(plain, request)).result, reads };
    sourced = await prepareSourced(open, plain, cite);
    if (!sourced) {
      const { result } = await collect(plain, request);
      return { ...result, reads, cited: { kind: 'tables', tables: await citedTables(open, cite) } };
    }
    const { views } = sourced;
    const { result, behind } = await collect(sourced.prepared, request, views.length);
    return { ...result, reads, cited: cited(behind.map((cells) => citedRows(cells, views))) };
  } finally {
    plain.destroySync();
    sourced?.prepared.destroySync();
  }
}

function cited(rows: readonly (readonly CitedRow[])[]): QueryCitations {
  return { kind: 'rows', rows };
}

interface Collected {
  readonly result: Pick<QueryResult, 'columns' | 'rows' | 'truncated'>;
  /** The columns behind those of the answer, row by row. */
  readonly behind: readonly (readonly JsonValue[])[];
}

/** @param hidden how many of the last columns are kept apart; undefined where nothing is */
async function collect(
  prepared: DuckDBPreparedStatement,
  { maxRows, maxBytes, skipRows = 0 }: SessionQuery,
  hidden?: number,
): Promise<Collected> {
  const stream = await prepared.stream();
  const types = stream.columnTypes();
  const width = types.length - (hidden ?? 0);
  const names = stream.deduplicatedColumnNames().slice(0, width);
  const columns = names.map((name, i) => ({ name, type: String(types[i]) }));
  const rows: JsonValue[][] = [];
  const behind: JsonValue[][] = [];
  let bytes = 0;
  let skip = skipRows;
  const upTo = (truncated: QueryResult['truncated']): Collected => ({
    result: { columns, rows, truncated },
    behind,
  });
  for await (const chunk of stream) {
    const first = Math.min(skip, chunk.rowCount);
    skip -= first;
    // Row by row, since one chunk of long texts can be more than there is memory for.
    for (let i = first; i < chunk.rowCount; i++) {
      const cells = rowOf(chunk, i, types);
      const shown = cells.slice(0, width);
      bytes += JSON.stringify(shown).length;
      if (rows.length >= maxRows) return upTo('rows');
      if (bytes > maxBytes) return upTo('bytes');
      rows.push(shown);
      if (hidden !== undefined) behind.push(cells.slice(width));
    }
  }
  return upTo(false);
}

function rowOf(chunk: DuckDBDataChunk, row: number, types: readonly DuckDBType[]): JsonValue[] {
  return chunk.getRowValues(row).map((cell, i) => jsonValue(cell, types[i] as DuckDBType));
}
