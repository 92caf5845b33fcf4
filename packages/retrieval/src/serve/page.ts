import type { SeenTable } from '@hakiri/access';
import type { Answer, AuditRead, CatalogTable, Citations, Grant, QueryRequest } from '@hakiri/core';
import { requestColumns, returnedRead } from './audit-reads.ts';
import { pageLimits, requireProgress } from './limits.ts';
import type { Moment } from './moment.ts';
import type { ServeParts } from './parts.ts';
import { pinned } from './pin.ts';
import { type Source, stillThere } from './still-there.ts';

/** Rows from some position on, as many as the engine was asked for. */
export interface Page extends Pick<Answer, 'columns' | 'rows' | 'truncated'> {
  /** What each row was made of; undefined where that cannot be told. */
  readonly sources: readonly (readonly Source[])[] | undefined;
  /** Citations of some of the rows, told by their place in `rows`. */
  cite(rows: readonly number[]): Promise<Citations | undefined>;
  /** Rows before the page. */
  readonly offset: number;
  /** What was read, as it was then. */
  readonly tables: readonly CatalogTable[];
  /** Columns of a table that had a part in the page; undefined: any. */
  columnsOf?(table: CatalogTable): readonly string[] | undefined;
}

/**
 * The page as an answer: without rows that were deleted since it was begun, no larger than asked for with its
 * citations, and with what continues it.
 * @throws HakiriError query.too_large when not even one row fits
 */
export async function answerOfPage(
  parts: Pick<ServeParts, 'store' | 'continuations' | 'seen' | 'isAudited'>,
  request: QueryRequest,
  grant: Grant,
  { isContinued, reads }: Moment,
  page: Page,
): Promise<Pick<Answer, 'columns' | 'rows' | 'truncated' | 'citations' | 'next'>> {
  requireProgress(page.rows.length, page.truncated);
  const kept = isContinued && page.sources ? await stillThere(parts.store, page.sources) : undefined;
  const places = [...page.rows.keys()].filter((i) => kept?.[i] !== false);
  const citations = request.cite ? await page.cite(places) : undefined;
  const fitting = fit(page, places, citations, pageLimits(request).maxBytes);
  const isCut = fitting < places.length;
  const truncated = isCut ? 'bytes' : page.truncated;
  const given = isCut ? (places[fitting] ?? 0) : page.rows.length;
  const pins = page.tables.map((table) => ({ ...pinned(table), ...policed(parts.seen(table, grant)) }));
  const position = { tables: pins, offset: page.offset + given };
  if (parts.isAudited) reads.push(...returned(page, request, places.slice(0, fitting)));
  return {
    columns: page.columns,
    rows: places.slice(0, fitting).map((i) => page.rows[i] ?? []),
    truncated,
    ...(citations === undefined ? {} : { citations: first(citations, fitting) }),
    ...(truncated === false || request.once === true || request.limit === 0
      ? {}
      : { next: await parts.continuations.next(request, grant, position) }),
  };
}

function policed(seen: SeenTable | undefined): { readonly policy?: string } {
  return seen === undefined || seen.isWhole ? {} : { policy: seen.digest };
}

/** The rows that were given, of each table that gave some. */
function returned(
  { sources, tables, columnsOf }: Page,
  request: QueryRequest,
  places: readonly number[],
): readonly AuditRead[] {
  if (sources === undefined) return [];
  const given = places.flatMap((i) => sources[i] ?? []);
  const isAsked = (table: CatalogTable): boolean =>
    'table' in request ? request.table === table.name : given.some((source) => source.table === table.name);
  return tables.filter(isAsked).map((table) => {
    const keys = given.filter((source) => source.table === table.name).map(({ key }) => key);
    const columns = 'table' in request ? requestColumns(request, table) : columnsOf?.(table);
    return returnedRead(table, keys, columns);
  });
}

/** Rows that fit together with their citations; one at least. */
function fit(
  { rows }: Pick<Page, 'rows'>,
  places: readonly number[],
  citations: Citations | undefined,
  maxBytes: number,
): number {
  if (citations?.kind !== 'rows') return places.length;
  let bytes = 0;
  for (const [n, place] of places.entries()) {
    bytes += JSON.stringify(rows[place]).length + JSON.stringify(citations.rows[n]).length;
    if (bytes > maxBytes && n > 0) return n;
  }
  return places.length;
}

function first(citations: Citations, rows: number): Citations {
  return citations.kind === 'rows' ? { kind: 'rows', rows: citations.rows.slice(0, rows) } : citations;
}
