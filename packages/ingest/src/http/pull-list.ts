import { HakiriError, type SourceWarning } from '@hakiri/core';
import { digest } from '../toolkit/digest.ts';
import type { ClientRequest } from '../toolkit/http-client.ts';
import { linkAddress } from '../toolkit/link-header.ts';
import { pageSize, totalOf } from '../toolkit/paginate.ts';
import { createIncrementalTracker } from './incremental-tracker.ts';
import { createListWatch } from './list-watch.ts';
import { pageRequest, resourceAddress } from './page-address.ts';
import { createPageWalk, endless, firstAddress } from './page-walk.ts';
import type { PullContext, PulledPiece } from './pull-resource.ts';
import { type PageEnd, readPage } from './read-page.ts';
import type { Resource } from './resource.ts';
import type { ResourceState } from './resource-state.ts';

/** Pulls one list, page by page. `path` has its placeholders filled in. */
export async function* pullList(
  resource: Resource,
  path: string,
  context: PullContext,
  from: ResourceState | undefined,
): AsyncGenerator<PulledPiece> {
  // Rows that come a second time are harmless only where a key tells them apart.
  const mayReadTwice = resource.primaryKey.length > 0;
  const outcome = yield* readList(resource, path, context, from, mayReadTwice);
  if (outcome === 'stopped') yield* readList(resource, path, context, from, false);
}

/** Reads a list once. With `stopWhenMoved` it ends without an end piece as soon as the list shifts under the pages. */
async function* readList(
  resource: Resource,
  path: string,
  context: PullContext,
  from: ResourceState | undefined,
  stopWhenMoved: boolean,
): AsyncGenerator<PulledPiece, 'read' | 'stopped'> {
  const { incremental, pagination } = resource;
  const tracker =
    incremental === undefined ? undefined : createIncrementalTracker(incremental, from, context.digestKey);
  const base = resourceAddress(context.baseUrl, path, resource.params);
  const since = tracker?.since;
  const firstUrl = firstAddress(resource, base, since);
  const address = context.client.redactor.address(firstUrl);
  const etagKey = digest(firstUrl.href);
  const watch = createListWatch(resource);
  const walk = createPageWalk({ resource, base, since, address });

  let moved = false;
  let total: number | undefined;
  let etag: string | undefined;
  // One piece is kept back, so that the state and the end travel with records instead of after them.
  let pending: PulledPiece | undefined;

  try {
    for (let url = walk.take(); url !== undefined; url = walk.take()) {
      const knownEtag = walk.count() === 0 ? from?.etags?.[etagKey] : undefined;
      const pieces = readPage(context.client, requestFor(resource, context, base, url, knownEtag), {
        resource,
        maxRecordBytes: context.maxRecordBytes,
        prefix: context.prefix,
      });
      let rows = 0;
      let lastRecord: Uint8Array | undefined;
      let end: PageEnd;
      try {
        let next = await pieces.next();
        for (; !next.done; next = await pieces.next()) {
          const piece = next.value;
          rows += piece.rows + piece.setAside.length;
          watch.see(piece.records);
          lastRecord = lastLine(piece.records) ?? lastRecord;
          const taken = tracker?.take(piece.records) ?? { records: piece.records, dropped: 0 };
          if (pending !== undefined) yield pending;
          pending = {
            records: taken.records,
            rows: piece.rows - taken.dropped,
            setAside: piece.setAside,
            pages: { done: walk.count() + 1, ...(total === undefined ? {} : { total }) },
          };
        }
        end = next.value;
      } finally {
        // Nobody may want more in the middle of a page: its body is let go.
        await pieces.return({ kind: 'empty' });
      }
      if (end.kind === 'unchanged') {
        // The answer is that of the last pull, and so is what is known.
        yield { ...(pending ?? nothing(1)), state: from ?? {}, end: 'partial' };
        return 'read';
      }

      const { headers, envelope } = end.kind === 'read' ? end : EMPTY_PAGE;
      const verdict = watch.pageEnds(totalOf(pagination, envelope));
      if (verdict === 'repeated' && !stopWhenMoved) {
        throw endless(`${address}: page ${walk.count() + 1} is page ${walk.count()} once more`);
      }
      if (verdict !== 'steady' && stopWhenMoved) {
        if (pending !== undefined) yield pending;
        pending = undefined;
        return 'stopped';
      }
      moved ||= verdict === 'moved';
      total ??= pagesExpected(resource, headers, envelope);
      walk.goOn({ url, headers, envelope, rows, lastRecord });
      if (end.kind === 'empty' || tracker?.reachedKnown()) walk.stop();
      else if (incremental?.seek && walk.hasNext()) {
        const seek = tracker?.seek();
        if (seek !== undefined) walk.seek(seek);
      }
      if (walk.count() === 1 && tellsAll(resource, rows, !walk.hasNext())) etag = headers.etag;
      if (pending !== undefined && walk.hasNext() && tracker?.isAscending() && !moved) {
        pending = { ...pending, state: tracker.state() };
      }
    }
  } catch (error) {
    // What was read before the failure is whole, and worth keeping.
    if (pending !== undefined) yield pending;
    throw error;
  }

  const last = pending ?? nothing(walk.count());
  if (moved) {
    yield { ...last, end: 'partial', warnings: [changedWarning(resource)] };
    return 'read';
  }
  const etags = etag === undefined ? {} : { etags: { [etagKey]: etag } };
  yield { ...last, state: { ...tracker?.state(), ...etags }, end: tracker?.resumes ? 'partial' : 'whole' };
  return 'read';
}

const EMPTY_PAGE = { headers: {} as Readonly<Record<string, string>>, envelope: undefined };

/** A piece without records, to carry a state or an end. */
export function nothing(pagesDone: number): PulledPiece {
  return { records: new Uint8Array(), rows: 0, setAside: [], pages: { done: pagesDone } };
}

/** The request for a page. The headers of the manifest may be credentials: only the source's own origin sees them. */
export function requestFor(
  resource: Resource,
  context: PullContext,
  base: URL,
  url: URL,
  etag: string | undefined,
): ClientRequest {
  if (!context.client.mayFollow(url)) {
    throw new HakiriError(
      'source.host_refused',
      `${base.origin}${base.pathname} continues at ${url.origin}, which is another host`,
      { hint: "Add that host to the pipeline's allow_hosts if you mean it.", details: { host: url.host } },
    );
  }
  const asked = pageRequest(resource, url);
  const own = url.origin === base.origin ? { ...context.headers, ...resource.headers } : {};
  return {
    ...asked,
    headers: {
      accept: 'application/json',
      ...lowerCase(own),
      ...asked.headers,
      ...(etag === undefined ? {} : { 'if-none-match': etag }),
    },
    signal: context.signal,
  };
}

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

/**
 * Whether an unchanged first page means an unchanged list: when changes come first, or when the page is all there
 * is and has room for more.
 */
function tellsAll(resource: Resource, rows: number, isLast: boolean): boolean {
  if (resource.incremental?.order === 'descending') return true;
  if (!isLast) return false;
  const size = pageSize(resource.pagination);
  return resource.pagination.type === 'none' || (size !== undefined && rows < size);
}

/** Pages of the whole list, as far as the first one tells. */
export function pagesExpected(
  resource: Resource,
  headers: Readonly<Record<string, string>>,
  envelope: unknown,
): number | undefined {
  const last = linkAddress(headers.link, 'last');
  const page = last === undefined ? null : (URL.parse(last)?.searchParams.get('page') ?? null);
  if (page !== null && /^\d+$/.test(page)) return Number(page);
  const records = totalOf(resource.pagination, envelope);
  const size = pageSize(resource.pagination);
  return records === undefined || size === undefined ? undefined : Math.max(1, Math.ceil(records / size));
}

function changedWarning(resource: Resource): SourceWarning {
  return {
    code: 'source.changed_while_reading',
    message: `${resource.name} kept changing while its pages were read: rows may have been skipped, so the cursor was not moved`,
  };
}

const NEWLINE = 0x0a;

/** The last record of NDJSON bytes. */
export function lastLine(records: Uint8Array): Uint8Array | undefined {
  const to = records.at(-1) === NEWLINE ? records.length - 1 : records.length;
  if (to <= 0) return undefined;
  return records.subarray(records.lastIndexOf(NEWLINE, to - 1) + 1, to);
}
