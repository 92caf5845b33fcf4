import {
  type Answer,
  type Freshness,
  type Grant,
  type JsonValue,
  type LogicalType,
  type QueryPlan,
  type QueryRequest,
  sqlType,
} from '@hakiri/core';
import {
  type CitedRow,
  renamedKeyColumns,
  rowCitations,
  sourceOf,
  toldKey,
  valueAt,
} from '../cite/citations.ts';
import { findPath } from '../query/columns.ts';
import type { ServedTable } from '../query/session.ts';
import { namedColumns, RANK, SCORE, shownNames } from '../query/structured-sql.ts';
import type { SearchAnswer } from '../search/request.ts';
import { appliedPolicy, freshnessOf } from './answer.ts';
import type { Position } from './continuation.ts';
import { fieldAt } from './get-rows.ts';
import { pageLimits, sessionLimits } from './limits.ts';
import { type Moment, momentOf, requireBounded } from './moment.ts';
import { answerOfPage } from './page.ts';
import type { ServeParts } from './parts.ts';
import { type SearchedRequest, searchTable, sessionOfHits } from './searched-session.ts';
import { seenOf } from './seen-of.ts';

/** Rows of the answer before they are cut to a page. */
interface FoundRows {
  readonly columns: Answer['columns'];
  readonly rows: readonly (readonly JsonValue[])[];
  readonly sources: readonly CitedRow[];
}

/** A row may be written again between the search and its being read; nobody writes that often. */
const ATTEMPTS = 3;

/** Rows of one table that a search found: the best first, or in the order asked for. */
export async function searchedAnswer(
  parts: ServeParts,
  request: SearchedRequest & QueryRequest,
  grant: Grant,
  moment: Moment,
  position: Position | undefined,
): Promise<Omit<Answer, 'elapsedMs'>> {
  const limits = sessionLimits(request);
  const startedAt = performance.now();
  let table = requireBounded(parts.store, moment, request.table);
  let served = { table, seen: seenOf(parts, table, grant) };
  let found = await searchTable(parts, request, table, grant, limits);
  const searchedAt = performance.now();
  // Rows as they are now come by key; as they were, or in an order, through the view.
  const isNow = request.asOf === undefined && position === undefined && (request.orderBy ?? []).length === 0;
  let rows = isNow ? await rowsByKey(parts, request, served, found) : undefined;
  for (let attempt = 1; isNow && rows === undefined && attempt < ATTEMPTS; attempt++) {
    table = requireBounded(parts.store, await momentOf(parts, {}, grant, undefined), request.table);
    served = { table, seen: seenOf(parts, table, grant) };
    found = await searchTable(parts, request, table, grant, limits);
    rows = await rowsByKey(parts, request, served, found);
  }
  rows ??= await rowsThroughView();
  const { maxRows, maxBytes } = pageLimits(request);
  const offset = position?.offset ?? 0;
  const page = cut(rows.rows.slice(offset), maxRows, maxBytes);
  const sources = rows.sources.slice(offset, offset + page.length);
  const answer = await answerOfPage(parts, request, grant, moment, {
    columns: rows.columns,
    rows: rows.rows.slice(offset, offset + page.length),
    truncated: page.truncated,
    sources: sources.map(({ key }) => [{ table: table.name, key }]),
    cite: (places) => rowCitations(parts, table, sources, places),
    offset,
    tables: [table],
  });
  const endedAt = performance.now();
  return {
    ...answer,
    ...(request.explain
      ? { plan: planOf(found, page.length, searchedAt - startedAt, endedAt - searchedAt) }
      : {}),
    freshness: await freshnessWith(parts, served, found),
    policy: appliedPolicy([served]),
  };

  async function rowsThroughView(): Promise<FoundRows> {
    const { session, shown } = sessionOfHits(parts, request, served, found, { withSources: true });
    const { columns, rows } = await parts.engine.query(
      { ...session, maxRows: found.hits.length, maxBytes: Number.MAX_SAFE_INTEGER },
      limits(),
    );
    return {
      columns: columns.slice(0, shown),
      rows: rows.map((row) => row.slice(0, shown)),
      sources: rows.map((row) => sourceOf(row.slice(shown), served, parts.rowNames)),
    };
  }
}

/** Undefined where a row has changed since it was found. */
async function rowsByKey(
  { store, rowNames }: ServeParts,
  request: SearchedRequest,
  served: ServedTable,
  { hits }: SearchAnswer,
): Promise<FoundRows | undefined> {
  const { table, seen } = served;
  const schema = namedColumns(served);
  const columns = shownNames(request, served).map((name) => ({ name, ...columnOf(name) }));
  const found = await store.rows(
    table.name,
    hits.map(({ key }) => key),
  );
  const rows: JsonValue[][] = [];
  const sources: CitedRow[] = [];
  for (const [i, hit] of hits.entries()) {
    const row = found[i];
    if (row === undefined || row.run !== hit.run || row.seq !== hit.seq) return undefined;
    const left = seen.row(row.values);
    if (left === undefined) return undefined;
    const provenance = {
      _hakiri_run: row.run,
      _hakiri_seq: row.seq,
      _hakiri_deleted: false,
      _hakiri_order: row.order,
    };
    const values = { ...left, ...provenance, [HIT]: { [SCORE]: hit.score, [RANK]: i + 1 } };
    rows.push(columns.map(({ path }) => fieldAt(values, path)));
    const renamed = renamedKeyColumns(table, seen).map((name) => left[name] ?? null);
    const told = toldKey(served, hit, renamed, rowNames);
    sources.push({
      key: hit.key,
      run: row.run,
      incremental: table.incremental === null ? undefined : valueAt(left, table.incremental),
      ...(told === undefined ? {} : { told }),
    });
  }
  return { columns: columns.map(({ name, type }) => ({ name, type: sqlType(type) })), rows, sources };

  function columnOf(name: string): { readonly path: readonly string[]; readonly type: LogicalType } {
    if (name === SCORE) return { path: [HIT, SCORE], type: { kind: 'double' } };
    if (name === RANK) return { path: [HIT, RANK], type: { kind: 'int32' } };
    return findPath(name, schema, [SCORE, RANK]);
  }
}

/** Beside the columns of a row; no column is called that. */
const HIT = '_hakiri_hit';

/** As many rows as fit. */
function cut(
  rows: readonly (readonly JsonValue[])[],
  maxRows: number,
  maxBytes: number,
): { readonly length: number; readonly truncated: Answer['truncated'] } {
  let bytes = 0;
  for (const [i, row] of rows.entries()) {
    if (i >= maxRows) return { length: i, truncated: 'rows' };
    bytes += JSON.stringify(row).length;
    if (bytes > maxBytes) return { length: i, truncated: 'bytes' };
  }
  return { length: rows.length, truncated: false };
}

/** The search itself says how far its indexes are behind. */
async function freshnessWith(
  { store }: ServeParts,
  served: ServedTable,
  { behind }: SearchAnswer,
): Promise<readonly Freshness[]> {
  const indexes = Object.entries(behind).map(([name, rowsBehind]) => ({ name, rowsBehind }));
  const [freshness] = await freshnessOf({ store, search: undefined }, [served]);
  return freshness === undefined ? [] : [{ ...freshness, indexes }];
}

function planOf({ plan }: SearchAnswer, rows: number, searchMs: number, rowsMs: number): QueryPlan {
  return {
    step: 'search',
    rows,
    elapsedMs: searchMs + rowsMs,
    steps: [...(plan === undefined ? [] : [plan]), { step: 'rows', rows, elapsedMs: rowsMs }],
  };
}
