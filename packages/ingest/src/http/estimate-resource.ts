import type { PullEstimate } from '@hakiri/core';
import { createIncrementalTracker } from './incremental-tracker.ts';
import { resourceAddress } from './page-address.ts';
import { createPageWalk } from './page-walk.ts';
import { lastLine, pagesExpected, requestFor } from './pull-list.ts';
import type { PullContext } from './pull-resource.ts';
import { readPage } from './read-page.ts';
import type { Resource } from './resource.ts';
import type { ResourceState } from './resource-state.ts';

/** Reads the first page and says how many there are, where it tells. A child depends on its parents: nothing is read. */
export async function estimateResource(
  resource: Resource,
  context: PullContext,
  from: ResourceState | undefined,
): Promise<PullEstimate> {
  if (resource.parent !== undefined) return {};
  const tracker =
    resource.incremental === undefined
      ? undefined
      : createIncrementalTracker(resource.incremental, from, context.digestKey);
  const base = resourceAddress(context.baseUrl, resource.path, resource.params);
  const address = context.client.redactor.address(base);
  const walk = createPageWalk({ resource, base, since: tracker?.since, address });
  const url = walk.take() ?? base;
  const page = readPage(context.client, requestFor(resource, context, base, url, undefined), {
    resource,
    maxRecordBytes: context.maxRecordBytes,
    prefix: context.prefix,
  });
  const kept: Uint8Array[] = [];
  let rows = 0;
  let lastRecord: Uint8Array | undefined;
  let next = await page.next();
  for (; !next.done; next = await page.next()) {
    const taken = tracker?.take(next.value.records) ?? { records: next.value.records, dropped: 0 };
    kept.push(taken.records);
    rows += next.value.rows;
    lastRecord = lastLine(next.value.records) ?? lastRecord;
  }
  const end = next.value.kind === 'read' ? next.value : { url, headers: {}, envelope: undefined };
  walk.goOn({ ...end, rows, lastRecord });
  const isLast = next.value.kind !== 'read' || tracker?.reachedKnown() || !walk.hasNext();
  const pages = isLast ? 1 : pagesExpected(resource, end.headers, end.envelope);
  return {
    ...(pages === undefined ? {} : { pages }),
    sample: { kind: 'records', records: Buffer.concat(kept) },
  };
}
