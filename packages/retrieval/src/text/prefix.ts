import type { RowSet } from '../sets/row-set.ts';
import { SURFACE, textAnalyzer } from './analyzer.ts';
import { BLOCK } from './format.ts';
import { decodeOrdinals, decodeRepeats, type PostingList, wholeList } from './posting-list.ts';
import type { TextSegment } from './text-segment.ts';

/**
 * The visible rows that have a word which starts so, or whose stem does, and how many of their words do: as if all
 * of these were one word.
 */
export function prefixList(
  segment: TextSegment,
  prefix: string,
  { words, count: visible }: RowSet,
): PostingList {
  const counts = new Uint32Array(segment.rows);
  const ordinals = new Uint32Array(BLOCK);
  const repeats = new Uint32Array(BLOCK);
  let rows = 0;
  for (const list of listsOf(segment, prefix)) {
    for (let block = 0; block < list.blocks; block++) {
      const count = decodeOrdinals(list, block, ordinals);
      decodeRepeats(list, block, repeats);
      for (let i = 0; i < count; i++) {
        const row = ordinals[i]!;
        if (((words[row >>> 5]! >>> (row & 31)) & 1) === 0) continue;
        if (counts[row] === 0) rows++;
        counts[row]! += repeats[i]! + 1;
      }
    }
  }
  const found = new Uint32Array(Math.min(rows, visible));
  const frequencies = new Uint32Array(found.length);
  for (let row = 0, at = 0; at < found.length; row++) {
    if (counts[row] === 0) continue;
    found[at] = row;
    frequencies[at++] = counts[row]!;
  }
  return wholeList({ ordinals: found, frequencies, positions: undefined });
}

function* listsOf(segment: TextSegment, prefix: string): Generator<PostingList> {
  const analyzer = textAnalyzer(segment.analyzer);
  for (const entry of segment.entries(prefix)) {
    if (!entry.term.startsWith(prefix)) break;
    yield segment.listOf(entry);
  }
  if (!analyzer.surfaces) return;
  for (const entry of segment.entries(SURFACE + prefix)) {
    if (!entry.term.startsWith(SURFACE + prefix)) break;
    // Its rows are among those of the stem otherwise.
    if (!analyzer.term(entry.term.slice(SURFACE.length)).startsWith(prefix)) yield segment.listOf(entry);
  }
}
