import type { Answer, CatalogTable, Citations, Grant, QueryRequest } from '@hakiri/core';
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
}

/**
 * The page as an answer: without rows that were deleted since it was begun, no larger than asked for with its
 * citations, and with what continues it.
 * @throws HakiriError query.too_large when not even one row fits
 */
export async function answerOfPage(
  parts: Pick<ServeParts, 'store' | 'continuations'>,
  request: QueryRequest,
  grant: Grant,
  { isContinued }: Moment,
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
  const position = { tables: page.tables.map(pinned), offset: page.offset + given };
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
