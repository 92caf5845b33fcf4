import { HakiriError } from '@hakiri/core';
import { z } from 'zod';
import { bodyValue } from './body-path.ts';
import { linkAddress } from './link-header.ts';
import { fieldPath, rawFieldText } from './top-level-field.ts';

export const DEFAULT_MAX_PAGES = 100_000;

const kind = <Type extends string>(type: Type) => z.literal(type).describe('How the next page is found.');
const common = {
  max_pages: z
    .int()
    .positive()
    .describe('Pages after which the list counts as endless.')
    .default(DEFAULT_MAX_PAGES),
  has_more: z.string().describe('Path in the body to a boolean; false ends the list.').optional(),
};
const numbered = {
  ...common,
  total: z
    .string()
    .describe('Path in the body to the number of records in the whole list. Shows when it changes meanwhile.')
    .optional(),
  stop_on_short_page: z
    .boolean()
    .describe(
      'A page with fewer records than its size is the last. Saves one request; wrong where the server caps the size.',
    )
    .default(false),
};
const sized = {
  size_param: z.string().describe('Parameter for the number of records a page.').optional(),
  size: z.int().positive().describe('Records a page to ask for.').optional(),
};

export const paginationSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: kind('none') }),
  z.strictObject({
    type: kind('page'),
    param: z.string().describe('Parameter for the number of the page.').default('page'),
    start: z.int().nonnegative().describe('Number of the first page.').default(1),
    ...sized,
    ...numbered,
  }),
  z.strictObject({
    type: kind('offset'),
    param: z.string().describe('Parameter for the number of records to skip.').default('offset'),
    limit_param: z.string().describe('Parameter for the number of records a page.').default('limit'),
    limit: z.int().positive().describe('Records a page to ask for.').default(100),
    ...numbered,
  }),
  z.strictObject({
    type: kind('cursor'),
    param: z.string().describe('Parameter that takes the cursor of the next page.').default('cursor'),
    cursor: z.string().describe('Path in the body to the cursor of the next page.').optional(),
    record_field: z
      .string()
      .describe('Field of the last record which is the cursor, instead of a path in the body.')
      .optional(),
    ...sized,
    ...common,
  }),
  z.strictObject({
    type: kind('next_url'),
    next: z.string().describe('Path in the body to the address of the next page.'),
    ...sized,
    ...common,
  }),
  z.strictObject({ type: kind('link'), ...sized, ...common }),
]);

export type Pagination = z.output<typeof paginationSchema>;

/** A list without a Link header is one page, so that nothing is lost where the manifest says nothing. */
export const DEFAULT_PAGINATION: Pagination = { type: 'link', max_pages: DEFAULT_MAX_PAGES };

/** A page that was read. */
export interface PageRead {
  readonly url: URL;
  /** Counted from 0. */
  readonly index: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The body with its records left out. */
  readonly envelope: unknown;
  readonly rows: number;
  /** Records before this page. */
  readonly rowsBefore: number;
  readonly lastRecord: Uint8Array | undefined;
}

/** The address of the first page: what the pagination itself adds to it. */
export function firstPage(pagination: Pagination, url: URL): URL {
  const first = new URL(url);
  if (pagination.type === 'page') first.searchParams.set(pagination.param, String(pagination.start));
  if (pagination.type === 'offset') {
    first.searchParams.set(pagination.param, '0');
    first.searchParams.set(pagination.limit_param, String(pagination.limit));
  } else if (
    pagination.type !== 'none' &&
    pagination.size !== undefined &&
    pagination.size_param !== undefined
  ) {
    first.searchParams.set(pagination.size_param, String(pagination.size));
  }
  return first;
}

/** The address of the page after this one; undefined when it was the last. `first` is the address of page 0. */
export function nextPage(pagination: Pagination, first: URL, page: PageRead): URL | undefined {
  if (pagination.type === 'none') return undefined;
  if (pagination.has_more !== undefined && !isTrue(bodyValue(page.envelope, pagination.has_more))) {
    return undefined;
  }
  switch (pagination.type) {
    case 'page':
      if (isLastNumbered(pagination, pagination.size, page)) return undefined;
      return withParam(first, pagination.param, String(pagination.start + page.index + 1));
    case 'offset':
      if (isLastNumbered(pagination, pagination.limit, page)) return undefined;
      return withParam(first, pagination.param, String(page.rowsBefore + page.rows));
    case 'cursor': {
      const cursor = cursorAfter(pagination, page);
      return cursor === undefined ? undefined : withParam(first, pagination.param, cursor);
    }
    case 'next_url':
      return resolveNext(bodyValue(page.envelope, pagination.next), page.url);
    case 'link':
      return resolveNext(linkAddress(page.headers.link, 'next'), page.url);
  }
}

/** Records a page that were asked for, where the manifest says so. */
export function pageSize(pagination: Pagination): number | undefined {
  if (pagination.type === 'none') return undefined;
  return pagination.type === 'offset' ? pagination.limit : pagination.size;
}

export function maxPages(pagination: Pagination): number {
  return pagination.type === 'none' ? 1 : pagination.max_pages;
}

/** How many records the source says the list has. */
export function totalOf(pagination: Pagination, envelope: unknown): number | undefined {
  if ((pagination.type !== 'page' && pagination.type !== 'offset') || pagination.total === undefined) {
    return undefined;
  }
  const total = Number(bodyValue(envelope, pagination.total) ?? Number.NaN);
  return Number.isFinite(total) ? total : undefined;
}

type Numbered = Extract<Pagination, { type: 'page' | 'offset' }>;

function isLastNumbered(pagination: Numbered, size: number | undefined, page: PageRead): boolean {
  if (page.rows === 0) return true;
  if (pagination.stop_on_short_page && size !== undefined && page.rows < size) return true;
  const total = totalOf(pagination, page.envelope);
  return total !== undefined && page.rowsBefore + page.rows >= total;
}

function cursorAfter(
  pagination: Extract<Pagination, { type: 'cursor' }>,
  page: PageRead,
): string | undefined {
  if (pagination.record_field !== undefined) {
    if (page.lastRecord === undefined) return undefined;
    const raw = rawFieldText(page.lastRecord, fieldPath(pagination.record_field));
    if (raw === undefined || raw.startsWith('{') || raw.startsWith('[')) return undefined;
    return scalarText(JSON.parse(raw.startsWith('"') ? raw : `"${raw}"`));
  }
  return pagination.cursor === undefined
    ? undefined
    : scalarText(bodyValue(page.envelope, pagination.cursor));
}

function scalarText(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function withParam(url: URL, name: string, value: string): URL {
  const next = new URL(url);
  next.searchParams.set(name, value);
  return next;
}

function resolveNext(address: unknown, page: URL): URL | undefined {
  if (typeof address !== 'string' || address === '') return undefined;
  const url = URL.parse(address, page);
  if (url === null) {
    throw new HakiriError(
      'source.endless_paging',
      `${page.origin}${page.pathname} names a next page that is no address`,
    );
  }
  return url;
}

function isTrue(value: unknown): boolean {
  return value === true || value === 'true' || value === 1;
}
