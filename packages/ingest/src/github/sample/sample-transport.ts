import { zstdDecompressSync } from 'node:zlib';
import { compareIncremental } from '../../toolkit/incremental-value.ts';
import { ndjsonLines } from '../../toolkit/ndjson-lines.ts';
import { fieldPath, rawFieldText } from '../../toolkit/top-level-field.ts';
import type { HttpResponse, Transport } from '../../toolkit/transport.ts';

const PATH = '/repos/hakiri/sample/issues';
const UPDATED_AT = fieldPath('updated_at');
const DEFAULT_PAGE_SIZE = 30;
const MAX_PAGE_SIZE = 100;

/** Answers for the issues of the sample as GitHub would, without a network. */
export function createSampleTransport(readSample: () => Uint8Array): Transport {
  let issues: readonly Uint8Array[] | undefined;
  return async (request) => {
    request.signal.throwIfAborted();
    if (request.method !== 'GET' || request.url.pathname !== PATH) {
      return answer(404, {}, [Buffer.from('{"message":"Not Found","status":"404"}')]);
    }
    issues ??= [...ndjsonLines(zstdDecompressSync(readSample()))];
    return issuesPage(issues, request.url);
  };
}

function issuesPage(all: readonly Uint8Array[], url: URL): HttpResponse {
  const since = url.searchParams.get('since');
  const changed = since === null ? all : all.filter((issue) => isFrom(issue, since));
  const size = Math.min(MAX_PAGE_SIZE, positive(url.searchParams.get('per_page'), DEFAULT_PAGE_SIZE));
  const page = positive(url.searchParams.get('page'), 1);
  const pages = Math.max(1, Math.ceil(changed.length / size));
  const link = linkHeader(url, page, pages);
  return answer(200, link === '' ? {} : { link }, arrayOf(changed.slice((page - 1) * size, page * size)));
}

function isFrom(issue: Uint8Array, since: string): boolean {
  const updatedAt = rawFieldText(issue, UPDATED_AT);
  return updatedAt !== undefined && compareIncremental(updatedAt, JSON.stringify(since)) >= 0;
}

function linkHeader(url: URL, page: number, pages: number): string {
  const relations: string[] = [];
  const add = (relation: string, target: number): void => {
    const address = new URL(url);
    address.searchParams.set('page', String(target));
    relations.push(`<${address.href}>; rel="${relation}"`);
  };
  if (page > 1) add('prev', page - 1);
  if (page < pages) {
    add('next', page + 1);
    add('last', pages);
  }
  if (page > 1) add('first', 1);
  return relations.join(', ');
}

function positive(text: string | null, otherwise: number): number {
  return text !== null && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : otherwise;
}

function arrayOf(records: readonly Uint8Array[]): Uint8Array[] {
  const comma = Buffer.from(',');
  return [
    Buffer.from('['),
    ...records.flatMap((record, i) => (i === 0 ? [record] : [comma, record])),
    Buffer.from(']'),
  ];
}

function answer(status: number, headers: Record<string, string>, body: readonly Uint8Array[]): HttpResponse {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body: (async function* () {
      yield* body;
    })(),
  };
}
