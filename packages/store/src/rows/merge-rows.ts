import type { DatabaseSync } from 'node:sqlite';
import { compareText, type JsonValue, type RunId } from '@hakiri/core';
import { BLOCK_ROWS, dictionaryFrom, encodeBlock, type HeldRow } from './block.ts';
import { type HeldRows, type Layout, looseText, openHeldRows, parseLoose } from './held-rows.ts';
import { keyFromSqlite, positionKey, type RowShape, type StoredKey, storedKey } from './row-key.ts';

/** A row as it comes in, `values` in the order of the shape's columns. */
export interface IncomingRow {
  readonly run: RunId;
  readonly seq: number;
  readonly deleted: boolean;
  readonly order: string;
  readonly values: readonly JsonValue[];
}

/** Rows from which a dictionary is made. */
const SAMPLE_ROWS = 2_048;
/** A block is better than its rows alone, and a small write is not worth a block. */
const LOOSE_ROWS = 256;

/**
 * Takes rows in within one transaction: of a key's rows the one with the greatest order stays, whenever it comes.
 * Taking the same row twice changes nothing. Call `flush` before the transaction ends.
 */
export function openMerge(db: DatabaseSync, shape: RowShape) {
  const held = openHeldRows(db);
  const books = openBooks(db);
  const keyOf = keyReader(db, shape);
  const tombstone = db.prepare('SELECT row_order FROM tombstones WHERE key = ?');
  const bury = db.prepare('INSERT OR REPLACE INTO tombstones VALUES (?, ?, ?)');
  const unearth = db.prepare('DELETE FROM tombstones WHERE key = ?');
  const removeKey = db.prepare('DELETE FROM keys WHERE key = ?');
  const setKey = db.prepare('INSERT OR REPLACE INTO keys VALUES (?, ?)');
  const nextLoose = db.prepare('INSERT INTO loose (key, layout, row) VALUES (?, ?, ?) RETURNING id');
  const blocks = openBlockWriter(db, shape, (key, place) => setKey.run(key, place), books);
  let tombstones = Number(db.prepare('SELECT count(*) AS n FROM tombstones').get()?.n);

  /** Whether the row wins over what is there, which then is gone. */
  const wins = (key: StoredKey, order: string): boolean => {
    const isNewest = compareText(order, books.greatest) > 0;
    if (tombstones > 0) {
      const buried = tombstone.get(key);
      if (buried && !isNewest && compareText(order, String(buried.row_order)) <= 0) return false;
      if (buried) tombstones -= Number(unearth.run(key).changes);
    }
    const place = held.place(key);
    if (place === undefined) return true;
    if (!isNewest && compareText(order, held.at(place).row.order) <= 0) return false;
    books.leave(place);
    return true;
  };

  const add = (row: IncomingRow, put: (key: StoredKey, row: HeldRow) => void): void => {
    const key = keyOf(row);
    // Neither the view nor anybody else can ask for a row without a key.
    if (key === undefined || !wins(key, row.order)) return;
    books.see(row.order);
    if (!row.deleted) put(key, row);
    else {
      removeKey.run(key);
      bury.run(key, row.run, row.order);
      tombstones++;
    }
  };

  return {
    /** For many rows, each key at most once: they go to blocks. */
    addToBlocks: (row: IncomingRow) => add(row, blocks.put),
    /** For a few. */
    addLoose: (row: IncomingRow) =>
      add(row, (key, kept) => {
        const { id } = nextLoose.get(key, blocks.layout([]).id, looseText(kept)) as { id: number };
        setKey.run(key, -id);
      }),
    flush(): void {
      blocks.flush();
      packLoose(db, held, shape, blocks, books);
      books.close();
    },
  };
}

/** Loose rows become blocks once there are enough of them. */
function packLoose(
  db: DatabaseSync,
  held: HeldRows,
  shape: RowShape,
  blocks: BlockWriter,
  books: Books,
): void {
  const waiting = Number(db.prepare('SELECT count(*) AS n FROM loose').get()?.n);
  if (waiting < LOOSE_ROWS) return;
  const loose = db.prepare('SELECT key, layout, row FROM loose');
  loose.setReadBigInts(true);
  for (const { key, layout, row } of loose.all()) {
    const own = held.layout(Number(layout));
    blocks.put(keyFromSqlite(key), inShape(parseLoose(String(row)), own, shape));
  }
  db.exec('DELETE FROM loose');
  blocks.flush();
  books.close();
}

/** A row of an older layout with the columns of today's. */
export function inShape(row: HeldRow, { columns }: Layout, shape: RowShape): HeldRow {
  return {
    ...row,
    values: shape.columns.map(({ name }) => row.values[columns.indexOf(name)] ?? null),
  };
}

/** Counts that are kept beside the rows: the greatest order, and how many rows of the blocks are dead. */
export function openBooks(db: DatabaseSync) {
  const state = db.prepare('SELECT greatest_order, held, dead FROM state').get();
  let greatest = String(state?.greatest_order ?? '');
  let heldRows = Number(state?.held ?? 0);
  let dead = Number(state?.dead ?? 0);
  const left = new Map<number, number>();
  const removeLoose = db.prepare('DELETE FROM loose WHERE id = ?');
  return {
    get greatest() {
      return greatest;
    },
    get dead() {
      return dead;
    },
    get held() {
      return heldRows;
    },
    see(order: string): void {
      if (compareText(order, greatest) > 0) greatest = order;
    },
    /** A row is no longer at its place. */
    leave(place: number): void {
      if (place < 0) removeLoose.run(-place);
      else {
        const block = Math.floor(place / BLOCK_ROWS);
        left.set(block, (left.get(block) ?? 0) + 1);
      }
    },
    wrote(rows: number): void {
      heldRows += rows;
    },
    close(): void {
      const decrease = db.prepare('UPDATE blocks SET alive = alive - ? WHERE id = ? RETURNING held, alive');
      const remove = db.prepare('DELETE FROM blocks WHERE id = ?');
      for (const [block, rows] of left) {
        const now = decrease.get(rows, block);
        dead += rows;
        if (now?.alive === 0) {
          remove.run(block);
          heldRows -= Number(now.held);
          dead -= Number(now.held);
        }
      }
      left.clear();
      db.prepare('UPDATE state SET greatest_order = ?, held = ?, dead = ?').run(greatest, heldRows, dead);
    },
  };
}

export type Books = ReturnType<typeof openBooks>;

/** Gathers rows into blocks. The first block of a file waits until a dictionary can be made. */
export function openBlockWriter(
  db: DatabaseSync,
  shape: RowShape,
  placed: (key: StoredKey, place: number) => void,
  books: Books,
) {
  const insert = db.prepare('INSERT INTO blocks VALUES (?, ?, ?, ?, ?)');
  let next = Number(db.prepare('SELECT next_block FROM state').get()?.next_block ?? 1);
  let layoutNow = findLayout(db, shape);
  let waiting: { readonly key: StoredKey; readonly row: HeldRow }[] = [];

  const hasDictionary = (): boolean => (layoutNow?.dictionary.length ?? 0) > 0;
  const layout = (sample: readonly HeldRow[]): Layout => {
    if (layoutNow === undefined || (!hasDictionary() && sample.length >= LOOSE_ROWS)) {
      layoutNow = addLayout(db, shape, sample);
    }
    return layoutNow;
  };

  const writeWaiting = (): void => {
    if (waiting.length === 0) return;
    const own = layout(waiting.map(({ row }) => row));
    for (let at = 0; at < waiting.length; at += BLOCK_ROWS) {
      const rows = waiting.slice(at, at + BLOCK_ROWS);
      const data = encodeBlock(
        rows.map(({ row }) => row),
        own.dictionary,
      );
      insert.run(next, own.id, rows.length, rows.length, data);
      rows.forEach(({ key }, slot) => {
        placed(key, next * BLOCK_ROWS + slot);
      });
      next++;
      books.wrote(rows.length);
    }
    waiting = [];
  };

  return {
    layout,
    put(key: StoredKey, row: HeldRow): void {
      waiting.push({ key, row });
      if (waiting.length >= (hasDictionary() ? BLOCK_ROWS : SAMPLE_ROWS)) writeWaiting();
    },
    flush(): void {
      writeWaiting();
      db.prepare('UPDATE state SET next_block = ?').run(next);
    },
  };
}

export type BlockWriter = ReturnType<typeof openBlockWriter>;

function findLayout(db: DatabaseSync, { columns }: RowShape): Layout | undefined {
  const names = JSON.stringify(columns.map(({ name }) => name));
  const found = db
    .prepare(
      'SELECT l.id, d.data FROM layouts l JOIN dictionaries d ON d.id = l.dictionary WHERE columns = ? ORDER BY l.id DESC',
    )
    .get(names);
  return (
    found && {
      id: Number(found.id),
      columns: JSON.parse(names) as string[],
      dictionary: found.data as Uint8Array,
    }
  );
}

function addLayout(db: DatabaseSync, { columns }: RowShape, sample: readonly HeldRow[]): Layout {
  const names = columns.map(({ name }) => name);
  const dictionary = dictionaryFrom(sample);
  const { lastInsertRowid } = db.prepare('INSERT INTO dictionaries (data) VALUES (?)').run(dictionary);
  const added = db
    .prepare('INSERT INTO layouts (columns, dictionary) VALUES (?, ?)')
    .run(JSON.stringify(names), lastInsertRowid);
  return { id: Number(added.lastInsertRowid), columns: names, dictionary };
}

/** The key of a row whose values are in the order of the shape's columns. */
export function keyReader(db: DatabaseSync, shape: RowShape): (row: HeldRow) => StoredKey | undefined {
  const runNumber = runNumbers(db);
  const at = shape.key.map(({ name }) => shape.columns.findIndex((column) => column.name === name));
  return shape.kind === 'position'
    ? ({ run, seq }) => positionKey(runNumber(run), seq)
    : ({ values }) =>
        storedKey(
          shape,
          at.map((i) => values[i]),
        );
}

function runNumbers(db: DatabaseSync): (run: RunId) => number {
  const find = db.prepare('SELECT number FROM runs WHERE run = ?');
  const insert = db.prepare('INSERT INTO runs (run, taken) VALUES (?, 0) RETURNING number');
  const known = new Map<RunId, number>();
  return (run) => {
    const number = known.get(run) ?? Number((find.get(run) ?? insert.get(run))?.number);
    known.set(run, number);
    return number;
  };
}
