import type { RowSet } from '../sets/row-set.ts';
import { SURFACE, textAnalyzer } from './analyzer.ts';
import { BLOCK } from './format.ts';
import { decodeOrdinals, decodeRepeats, type PostingList, wholeList } from './posting-list.ts';
import type { TextSegment } from './text-segment.ts';

/**
 * The visible rows that have a word which starts so, or whose stem does, and how many of their words do: as if all
 * of these were one word.
 */
export function prefixList(segment: TextSegment, prefix: string, visible: RowSet): PostingList {
  const words = (segment.rows + 31) >>> 5;
  if (counts.length < segment.rows) {
    counts = new Uint32Array(segment.rows);
    found = new Uint32Array(words);
  } else if (left) {
    counts.fill(0);
    found.fill(0);
  }
  left = true;
  let rows = 0;
  for (const list of listsOf(segment, prefix)) rows += count(list, visible.words);
  const ordinals = new Uint32Array(rows);
  const frequencies = new Uint32Array(rows);
  for (let i = 0, at = 0; i < words; i++) {
    for (let word = found[i]!; word !== 0; word &= word - 1) {
      const row = i * 32 + 31 - Math.clz32(word & -word);
      ordinals[at] = row;
      frequencies[at++] = counts[row]!;
      counts[row] = 0;
    }
    found[i] = 0;
  }
  left = false;
  return wholeList({ ordinals, frequencies, positions: undefined });
}

/** By row how many words, and whether there are any; cleared after each use. */
let counts = new Uint32Array(0);
let found = new Uint32Array(0);
/** A list that turned out to be damaged left its counts behind. */
let left = false;

const ordinals = new Uint32Array(BLOCK);
const repeats = new Uint32Array(BLOCK);

/** How many rows no list before it had. */
function count(list: PostingList, visible: Uint32Array): number {
  let rows = 0;
  for (let block = 0; block < list.blocks; block++) {
    const inBlock = decodeOrdinals(list, block, ordinals);
    decodeRepeats(list, block, repeats);
    for (let i = 0; i < inBlock; i++) {
      const row = ordinals[i]!;
      if (((visible[row >>> 5]! >>> (row & 31)) & 1) === 0) continue;
      if (counts[row] === 0) {
        rows++;
        found[row >>> 5]! |= 1 << (row & 31);
      }
      counts[row]! += repeats[i]! + 1;
    }
  }
  return rows;
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
