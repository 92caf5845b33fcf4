import type { DatabaseSync } from 'node:sqlite';
import { BLOCK_ROWS, decodeBlock, rowOf } from './block.ts';
import { openHeldRows } from './held-rows.ts';
import { inShape, keyReader, openBlockWriter, openBooks } from './merge-rows.ts';
import type { RowShape } from './row-key.ts';

/** A block is rewritten when so many of its rows, in eighths, are alive at most. */
const WORTH_KEEPING = 7;
const FEW = 1_024;

export function hasManyDead(held: number, dead: number): boolean {
  return dead > (held - dead) / 4 + FEW;
}

/** Rewrites blocks whose rows are mostly superseded, so that the file stays in proportion to what is alive. */
export function collectDead(db: DatabaseSync, shape: RowShape): void {
  const books = openBooks(db);
  if (!hasManyDead(books.held, books.dead)) return;
  const rows = openHeldRows(db);
  const keyOf = keyReader(db, shape);
  const setKey = db.prepare('INSERT OR REPLACE INTO keys VALUES (?, ?)');
  const read = db.prepare('SELECT layout, data FROM blocks WHERE id = ?');
  const blocks = openBlockWriter(db, shape, (key, place) => setKey.run(key, place), books);
  const worn = db
    .prepare('SELECT id FROM blocks WHERE alive * 8 <= held * ?')
    .all(WORTH_KEEPING)
    .map(({ id }) => Number(id));
  for (const id of worn) {
    const found = read.get(id);
    if (!found) continue;
    const layout = rows.layout(Number(found.layout));
    const block = decodeBlock(found.data as Uint8Array, layout.columns.length, layout.dictionary);
    for (let slot = 0; slot < block.rows; slot++) {
      const held = rowOf(block, slot);
      if (held === undefined) continue;
      const row = inShape(held, layout, shape);
      const key = keyOf(row);
      const place = id * BLOCK_ROWS + slot;
      if (key === undefined || rows.place(key) !== place) continue;
      blocks.put(key, row);
      books.leave(place);
    }
  }
  blocks.flush();
  books.close();
}
