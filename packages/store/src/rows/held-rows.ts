import type { DatabaseSync } from 'node:sqlite';
import { HakiriError, type RunId } from '@hakiri/core';
import { BLOCK_ROWS, type Block, decodeBlock, type HeldRow, rowOf } from './block.ts';
import type { StoredKey } from './row-key.ts';

/** A row with the names of its values. */
export interface PlacedRow {
  readonly layout: Layout;
  readonly row: HeldRow;
}

/** Columns in the order in which a block has them, and the dictionary that it was written with. */
export interface Layout {
  readonly id: number;
  readonly columns: readonly string[];
  readonly dictionary: Uint8Array;
}

/** Enough for keys that lie together and are asked for one by one. */
const CACHED_BLOCKS = 8;

/** Reads rows by their place. Within one transaction what it gives belongs together. */
export function openHeldRows(db: DatabaseSync) {
  const findPlace = db.prepare('SELECT place FROM keys WHERE key = ?');
  const findBlock = db.prepare('SELECT layout, data FROM blocks WHERE id = ?');
  const findLoose = db.prepare('SELECT layout, row FROM loose WHERE id = ?');
  const findLayout = db.prepare(
    'SELECT l.columns, d.data FROM layouts l JOIN dictionaries d ON d.id = l.dictionary WHERE l.id = ?',
  );
  const layouts = new Map<number, Layout>();
  // A block never changes, and no id is used twice. A ring, no Map: what a Map forgets, an old one still holds on to.
  const ring: ({ readonly id: number; readonly layout: Layout; readonly block: Block } | undefined)[] =
    Array.from({ length: CACHED_BLOCKS });
  let nextInRing = 0;

  const layout = (id: number): Layout => {
    const known = layouts.get(id);
    if (known) return known;
    const found = findLayout.get(id);
    if (!found) throw damaged();
    const read: Layout = {
      id,
      columns: JSON.parse(String(found.columns)) as string[],
      dictionary: found.data as Uint8Array,
    };
    layouts.set(id, read);
    return read;
  };

  const block = (id: number) => {
    const known = ring.find((one) => one?.id === id);
    if (known) return known;
    const found = findBlock.get(id);
    if (!found) throw damaged();
    const own = layout(Number(found.layout));
    const data = found.data as Uint8Array;
    const read = { id, layout: own, block: decodeBlock(data, own.columns.length, own.dictionary) };
    ring[nextInRing] = read;
    nextInRing = (nextInRing + 1) % CACHED_BLOCKS;
    return read;
  };

  return {
    place(key: StoredKey): number | undefined {
      const found = findPlace.get(key);
      return found && Number(found.place);
    },
    /** @throws HakiriError store.damaged */
    at(place: number): PlacedRow {
      if (place < 0) {
        const found = findLoose.get(-place);
        if (!found) throw damaged();
        return { layout: layout(Number(found.layout)), row: parseLoose(String(found.row)) };
      }
      const { layout: own, block: held } = block(Math.floor(place / BLOCK_ROWS));
      const row = rowOf(held, place % BLOCK_ROWS);
      if (row === undefined) throw damaged();
      return { layout: own, row };
    },
    layout,
  };
}

export type HeldRows = ReturnType<typeof openHeldRows>;

/** A loose row as text: it waits for a block. */
export function looseText({ run, seq, order, values }: HeldRow): string {
  return JSON.stringify([run, seq, order, values]);
}

export function parseLoose(text: string): HeldRow {
  const [run, seq, order, values] = JSON.parse(text) as [RunId, number, string, HeldRow['values']];
  return { run, seq, order, values };
}

function damaged(): HakiriError {
  return new HakiriError('store.damaged', 'The row sidecar does not hold what its index says');
}
