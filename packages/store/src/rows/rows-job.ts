import { PROVENANCE_COLUMNS } from '@hakiri/core';
import { jsonValue, mapEngineError, type WriterJob } from '@hakiri/engine/child';
import { collectDead } from './collect-dead.ts';
import { type IncomingRow, keyReader, openBlockWriter, openBooks, openMerge } from './merge-rows.ts';
import { keyFromSqlite, type RowShape, type StoredKey } from './row-key.ts';
import {
  createTables,
  giveSpaceBack,
  openSidecarFile,
  recordTaken,
  removeSidecar,
  sidecarError,
  type Taken,
  writeFirstState,
} from './sidecar-file.ts';

/** Another process's long write. */
const BUSY_MS = 60_000;

export interface RowsRequest {
  readonly file: string;
  readonly work:
    | { readonly kind: 'build' }
    | { readonly kind: 'merge' }
    /** Tombstones of runs before `before` go, unless the select still has them; `untaken` is then taken again. */
    | { readonly kind: 'purge'; readonly before: string; readonly untaken: readonly string[] };
  /** Rows with their provenance, tombstones too: the shape's columns first, in its order. */
  readonly select: string;
  readonly taken: Taken;
}

type Connection = Parameters<WriterJob>[0];

/** Builds a sidecar, or takes rows into it, in one transaction of the file. */
export async function rowsJob(connection: Connection, request: RowsRequest): Promise<unknown> {
  try {
    return await run(connection, request);
  } catch (error) {
    throw sidecarError(error);
  }
}

async function run(connection: Connection, request: RowsRequest): Promise<unknown> {
  const { file, work, taken } = request;
  if (work.kind === 'build') removeSidecar(file);
  const db = openSidecarFile(file, BUSY_MS);
  const rows = () => readRows(connection, request.select, taken.shape);
  db.exec('BEGIN IMMEDIATE');
  try {
    switch (work.kind) {
      case 'build':
        await build(db, taken.shape, rows());
        break;
      case 'merge':
        await merge(db, taken.shape, rows());
        break;
      case 'purge':
        await purge(db, taken.shape, rows(), work.before, work.untaken);
        break;
    }
    recordTaken(db, taken);
    db.exec('COMMIT');
    giveSpaceBack(db);
    return null;
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  } finally {
    db.close();
  }
}

type Database = ReturnType<typeof openSidecarFile>;
type Rows = AsyncIterable<IncomingRow>;

async function build(db: Database, shape: RowShape, rows: Rows): Promise<void> {
  createTables(db, shape);
  writeFirstState(db, shape);
  // An index that is written in its own order has full pages.
  db.exec(`CREATE TEMP TABLE loading (key ${shape.kind === 'text' ? 'TEXT' : 'INTEGER'}, place INTEGER)`);
  const load = db.prepare('INSERT INTO loading VALUES (?, ?)');
  const bury = db.prepare('INSERT OR REPLACE INTO tombstones VALUES (?, ?, ?)');
  const books = openBooks(db);
  const keyOf = keyReader(db, shape);
  const blocks = openBlockWriter(db, shape, (key: StoredKey, place) => load.run(key, place), books);
  for await (const row of rows) {
    const key = keyOf(row);
    if (key === undefined) continue;
    books.see(row.order);
    if (row.deleted) bury.run(key, row.run, row.order);
    else blocks.put(key, row);
  }
  blocks.flush();
  books.close();
  db.exec('INSERT OR REPLACE INTO keys SELECT key, place FROM loading ORDER BY key; DROP TABLE loading');
}

async function merge(db: Database, shape: RowShape, rows: Rows): Promise<void> {
  const merging = openMerge(db, shape);
  for await (const row of rows) merging.addToBlocks(row);
  merging.flush();
  collectDead(db, shape);
}

async function purge(
  db: Database,
  shape: RowShape,
  rows: Rows,
  before: string,
  untaken: readonly string[],
): Promise<void> {
  const keyOf = keyReader(db, shape);
  const kept = new Set<StoredKey>();
  for await (const row of rows) {
    const key = keyOf(row);
    if (row.deleted && key !== undefined) kept.add(key);
  }
  const old = db.prepare('SELECT key FROM tombstones WHERE run < ?');
  old.setReadBigInts(true);
  const gone = old
    .all(before)
    .map(({ key }) => keyFromSqlite(key))
    .filter((key) => !kept.has(key));
  const remove = db.prepare('DELETE FROM tombstones WHERE key = ?');
  for (const key of gone) remove.run(key);
  // A row that lost to one of them may win now.
  if (gone.length === 0) return;
  for (const run of untaken) {
    db.prepare('UPDATE runs SET taken = 0, parts = NULL WHERE run = ?').run(run);
    db.prepare('DELETE FROM deltas WHERE run = ?').run(run);
  }
}

async function* readRows(connection: Connection, select: string, { columns }: RowShape): Rows {
  try {
    const result = await connection.stream(select);
    const types = result.columnTypes();
    const names = [...columns, ...PROVENANCE_COLUMNS].map(({ name }) => name);
    const at = Object.fromEntries(names.map((name, i) => [name, i]));
    for await (const chunk of result) {
      for (const row of chunk.getRows()) {
        const values = row.map((cell, i) => jsonValue(cell, types[i]!));
        const own = (name: string) => values[at[name] ?? -1];
        yield {
          run: own('_hakiri_run') as IncomingRow['run'],
          seq: Number(own('_hakiri_seq')),
          deleted: own('_hakiri_deleted') === true,
          order: String(own('_hakiri_order')),
          values: values.slice(0, columns.length),
        };
      }
    }
  } catch (error) {
    throw mapEngineError(error, 'store.damaged', 'reading rows for the row sidecar');
  }
}
