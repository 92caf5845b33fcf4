import { HakiriError } from '@hakiri/core';
import { digest } from '../toolkit/digest.ts';
import { firstPage, maxPages, nextPage, type PageRead } from '../toolkit/paginate.ts';
import type { Resource } from './resource.ts';

/** The addresses of a list's pages, one after the other; no address twice. */
export interface PageWalk {
  /** The page to read now, asked for once a page; undefined after the last. Throws source.endless_paging. */
  take(): URL | undefined;
  hasNext(): boolean;
  /** Moves on from a page that was read. */
  goOn(page: Omit<PageRead, 'index' | 'rowsBefore'>): void;
  /** Starts a new list from a value on: its first page is next. */
  seek(since: string): void;
  stop(): void;
  /** Pages read so far. */
  count(): number;
}

export interface PageWalkOptions {
  readonly resource: Resource;
  /** With the resource's own parameters. */
  readonly base: URL;
  readonly since: string | undefined;
  /** For messages, without secrets. */
  readonly address: string;
}

export function createPageWalk(options: PageWalkOptions): PageWalk {
  const { resource, base, address } = options;
  const { pagination } = resource;
  const limit = maxPages(pagination);
  const visited = new Set<string>();
  let first = firstAddress(resource, base, options.since);
  let url: URL | undefined = first;
  let pages = 0;
  let index = 0;
  let rowsBefore = 0;

  return {
    hasNext: () => url !== undefined,
    take() {
      if (url === undefined) return undefined;
      if (pages >= limit) throw endless(`${address} has more than ${limit} pages`);
      const key = digest(url.href);
      if (visited.has(key)) throw endless(`${address}: page ${pages + 1} is a page that was read already`);
      visited.add(key);
      return url;
    },
    goOn(page) {
      pages++;
      url = nextPage(pagination, first, { ...page, index, rowsBefore });
      index++;
      rowsBefore += page.rows;
    },
    seek(since) {
      first = firstAddress(resource, base, since);
      url = first;
      index = 0;
      rowsBefore = 0;
    },
    stop() {
      url = undefined;
    },
    count: () => pages,
  };
}

/** The address of a list's first page, from a value on. */
export function firstAddress(resource: Resource, base: URL, since: string | undefined): URL {
  const param = resource.incremental?.param;
  const url = new URL(base);
  if (since !== undefined && param !== undefined) url.searchParams.set(param, since);
  return firstPage(resource.pagination, url);
}

export function endless(message: string): HakiriError {
  return new HakiriError('source.endless_paging', message);
}
