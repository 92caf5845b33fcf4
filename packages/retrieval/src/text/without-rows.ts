import { type RowSet, rowSetFromWords } from '../sets/row-set.ts';
import { BLOCK } from './format.ts';
import { decodeOrdinals, type PostingList } from './posting-list.ts';

/** The rows that none of the lists has. */
export function withoutRows(rows: RowSet, lists: readonly (PostingList | undefined)[]): RowSet {
  if (lists.every((list) => list === undefined)) return rows;
  const words = rows.words.slice();
  const ordinals = new Uint32Array(BLOCK);
  for (const list of lists) {
    for (let block = 0; list !== undefined && block < list.blocks; block++) {
      const count = decodeOrdinals(list, block, ordinals);
      for (let i = 0; i < count; i++) words[ordinals[i]! >>> 5]! &= ~(1 << (ordinals[i]! & 31));
    }
  }
  return rowSetFromWords(rows.rows, words);
}
