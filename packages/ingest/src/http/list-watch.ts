import { digest } from '../toolkit/digest.ts';
import { ndjsonLines } from '../toolkit/ndjson-lines.ts';
import { fieldPath, rawFieldText } from '../toolkit/top-level-field.ts';
import type { Resource } from './resource.ts';

/**
 * Notices that a list which is read by page number or offset changes meanwhile. A record that is inserted pushes
 * the last one of a page onto the next; one that is removed pulls one across unread, which only the total shows.
 */
export interface ListWatch {
  /** Called with the records of the page, piece by piece. */
  see(records: Uint8Array): void;
  /** Called at the end of each page with the total the source claims. */
  pageEnds(total: number | undefined): PageVerdict;
}

/** `repeated`: the page is the one before it once more. */
export type PageVerdict = 'steady' | 'moved' | 'repeated';

export function createListWatch(resource: Resource): ListWatch {
  const { type } = resource.pagination;
  if (type !== 'page' && type !== 'offset') return { see: () => {}, pageEnds: () => 'steady' };
  const keyPaths = resource.primaryKey.map(fieldPath);
  const keyOf = (record: Uint8Array): string | undefined =>
    keyPaths.length === 0 ? undefined : keyPaths.map((path) => rawFieldText(record, path)).join('\n');

  let pageDigests: string[] = [];
  let pageBefore: string | undefined;
  let lastKeyBefore: string | undefined;
  let lastKey: string | undefined;
  let overlaps = false;
  let totalBefore: number | undefined;

  return {
    see(records) {
      pageDigests.push(digest(records));
      for (const record of ndjsonLines(records)) {
        lastKey = keyOf(record);
        if (lastKey !== undefined && lastKey === lastKeyBefore) overlaps = true;
      }
    },
    pageEnds(total) {
      const page = pageDigests.length === 0 ? undefined : digest(pageDigests.join());
      const repeated = page !== undefined && page === pageBefore;
      const moved = overlaps || (total !== undefined && totalBefore !== undefined && total !== totalBefore);
      pageDigests = [];
      pageBefore = page;
      lastKeyBefore = lastKey;
      overlaps = false;
      totalBefore = total;
      return repeated ? 'repeated' : moved ? 'moved' : 'steady';
    },
  };
}
