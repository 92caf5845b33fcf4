import { HakiriError, type PullRequest, type RecordBatch, type Source, type TableInfo } from '@hakiri/core';
import { createAuthenticator } from '../toolkit/auth.ts';
import { createHttpClient } from '../toolkit/http-client.ts';
import { parseConfig } from '../toolkit/parse-config.ts';
import { postForm } from '../toolkit/post-form.ts';
import { createRedactor } from '../toolkit/redactor.ts';
import { recordLimit, type SourceContext } from '../toolkit/source-context.ts';
import { unknownTable } from '../toolkit/unknown-table.ts';
import { buildResources } from './build-resources.ts';
import { httpConfigSchema } from './config.ts';
import { estimateResource } from './estimate-resource.ts';
import { type PullContext, type PulledPiece, pullResource } from './pull-resource.ts';
import type { Resource } from './resource.ts';
import { decodeCursor, encodeCursor } from './resource-state.ts';

/** A REST API described by the manifest. Throws source.config and secret.missing. */
export function createHttpSource(config: unknown, context: SourceContext): Source {
  const parsed = parseConfig(httpConfigSchema, config, 'http');
  const baseUrl = parseBaseUrl(parsed.base_url, 'http');
  const resources = buildResources(parsed, context);
  const redactor = createRedactor();
  const base = createHttpClient({
    context,
    origin: baseUrl.origin,
    redactor,
    ...(parsed.rate_limit?.requests_per_second === undefined
      ? {}
      : { requestsPerSecond: parsed.rate_limit.requests_per_second }),
    ...(parsed.rate_limit === undefined ? {} : { maxWaitMs: parsed.rate_limit.max_wait_seconds * 1000 }),
  });
  const client = base.with(createAuthenticator(parsed.auth, context, redactor, postForm(base)));

  const resourceOf = (table: string): Resource => {
    const resource = resources.get(table);
    if (resource === undefined) throw unknownTable(table, [...resources.keys()]);
    return resource;
  };
  const pullContext = (request: PullRequest): PullContext => ({
    client,
    baseUrl: parsed.base_url,
    headers: parsed.headers,
    maxRecordBytes: recordLimit(context, request.table),
    prefix: undefined,
    digestKey: context.digestKey,
    signal: request.signal,
  });

  return {
    discover: async () => [...resources.values()].map(describeResource),
    schema: async () => undefined,
    pull: (request) => pullTable(resourceOf(request.table), pullContext(request), request, context),
    commitCursor: async () => {},
    estimate: (request) =>
      estimateResource(resourceOf(request.table), pullContext(request), decodeCursor(request.cursor)),
    close: () => client.close(),
  };
}

async function* pullTable(
  resource: Resource,
  pullContext: PullContext,
  request: PullRequest,
  context: SourceContext,
): AsyncGenerator<RecordBatch> {
  const from = decodeCursor(request.cursor);
  if (request.cursor !== undefined && from === undefined) {
    context.log({ kind: 'restart', table: request.table, why: 'the cursor is of another version' });
  }
  for await (const piece of pullResource(resource, pullContext, from)) {
    yield toBatch(piece, piece.state === undefined ? undefined : encodeCursor(piece.state));
  }
}

/** A piece as the batch the runner takes. */
export function toBatch(piece: PulledPiece, cursor: string | undefined): RecordBatch {
  return {
    kind: 'records',
    records: piece.records,
    progress: { ...piece.pages, unit: 'pages' },
    ...(piece.setAside.length === 0 ? {} : { setAside: piece.setAside }),
    ...(cursor === undefined ? {} : { cursor }),
    ...(piece.end === 'whole' ? { complete: true } : {}),
    ...(piece.warnings === undefined || piece.warnings.length === 0 ? {} : { warnings: piece.warnings }),
  };
}

/** What `discover` says of a resource. */
export function describeResource(resource: Resource): TableInfo {
  return {
    name: resource.name,
    primaryKey: resource.primaryKey,
    ...(resource.incremental === undefined ? {} : { incremental: resource.incremental.column }),
    cursorKind: 'monotonic',
    readingOrder: readsAscending(resource) ? 'ascending' : 'unordered',
  };
}

/** A child is read in its parent's order, unless it is asked for changes itself. */
function readsAscending(resource: Resource): boolean {
  if (resource.parent === undefined) return resource.incremental?.order === 'ascending';
  return resource.incremental === undefined && readsAscending(resource.parent.resource);
}

/** Throws source.config for anything but a plain http or https address. */
export function parseBaseUrl(text: string, source: string): URL {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new HakiriError('source.config', `${source}: "base_url" must be an http or https address`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new HakiriError('source.config', `${source}: "base_url" must not hold credentials`, {
      hint: 'Use `auth`, which takes the names of secrets.',
    });
  }
  return url;
}
