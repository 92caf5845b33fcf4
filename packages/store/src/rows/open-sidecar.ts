import type { DatabaseSync } from 'node:sqlite';
import { type CatalogTable, HakiriError, type JsonValue, type RunId } from '@hakiri/core';
import { readTail } from './delta-tail.ts';
import { openHeldRows } from './held-rows.ts';
import { openMerge } from './merge-rows.ts';
import { type Missing, missing } from './missing.ts';
import { positionKey, type RowShape, rowShape, type StoredKey, storedKey } from './row-key.ts';
import {
  fileIdentity,
  openSidecarFile,
  readState,
  recordTaken,
  type SidecarState,
  type Taken,
  writing,
} from './sidecar-file.ts';
import type { SidecarRow } from './sidecar-row.ts';

/** A wait would stand the whole program still; who finds the file busy comes back. */
const BUSY_MS = 5;

/** One table's sidecar as this process has it open. */
export interface OpenSidecar {
  readonly identity: string;
  /** @throws HakiriError store.damaged; errors of SQLite, of a missing file of small writes */
  missing(table: CatalogTable, isEmpty: (run: RunId) => boolean): Missing;
  /** Rows in the order asked, as of what was taken in. @throws HakiriError store.damaged */
  read(table: CatalogTable, keys: readonly (readonly JsonValue[])[]): (SidecarRow | undefined)[];
  /** Takes in the ends of the table's files of small writes; false where it takes the engine. */
  takeTails(table: CatalogTable): boolean;
  /** Notes that the rows here are those of another snapshot. */
  takeSnapshot(table: CatalogTable, taken: Omit<Taken, 'shape' | 'deltas'>): void;
  hasTombstonesBefore(run: string): boolean;
  close(): void;
}

/** Undefined when there is none. @throws errors of SQLite */
export function openSidecar(path: string, absolute: (relative: string) => string): OpenSidecar | undefined {
  const identity = fileIdentity(path);
  if (identity === undefined) return undefined;
  const db = openSidecarFile(path, BUSY_MS);
  try {
    return sidecarOn(db, identity, absolute);
  } catch (error) {
    db.close();
    throw error;
  }
}

function sidecarOn(db: DatabaseSync, identity: string, absolute: (relative: string) => string): OpenSidecar {
  const first = readState(db);
  if (first === undefined) throw damaged('is of another format');
  const version = db.prepare('PRAGMA data_version');
  const findRun = db.prepare('SELECT number FROM runs WHERE run = ?');
  const rows = openHeldRows(db);
  let known: { readonly state: SidecarState; readonly version: number } | undefined;
  let settled: { readonly table: CatalogTable; readonly state: SidecarState } | undefined;

  const state = (): SidecarState => {
    const now = Number(version.get()?.data_version);
    if (known?.version !== now) {
      const read = readState(db);
      if (read === undefined) throw damaged('has no state');
      known = { state: read, version: now };
    }
    return known.state;
  };
  const change = (work: () => void): void => {
    // What this connection writes does not move its own version.
    known = undefined;
    writing(db, work);
  };

  const keyOf = (shape: RowShape, key: readonly JsonValue[]): StoredKey | undefined => {
    if (shape.kind !== 'position') return key.length === shape.key.length ? storedKey(shape, key) : undefined;
    const [run, seq] = key;
    const number = typeof run === 'string' ? findRun.get(run)?.number : undefined;
    const sequence = Number(seq);
    if (number === undefined || !Number.isSafeInteger(sequence) || sequence < 0) return undefined;
    return positionKey(Number(number), sequence);
  };

  const readOne = (
    table: CatalogTable,
    shape: RowShape,
    key: readonly JsonValue[],
  ): SidecarRow | undefined => {
    const stored = keyOf(shape, key);
    const place = stored === undefined ? undefined : rows.place(stored);
    if (place === undefined) return undefined;
    const { layout, row } = rows.at(place);
    const held = new Map(layout.columns.map((name, i) => [name, row.values[i] ?? null]));
    const own =
      shape.kind === 'position' ? [row.run, row.seq] : shape.key.map(({ name }) => held.get(name) ?? null);
    if (keyOf(shape, own) !== stored) throw damaged('has a row in the wrong place');
    const values = Object.fromEntries(table.schema.columns.map(({ name }) => [name, held.get(name) ?? null]));
    return { values, run: row.run, seq: row.seq, order: row.order };
  };

  return {
    identity,
    missing(table, isEmpty) {
      const now = state();
      const isSettled = settled?.table === table && settled.state === now;
      // Files of small writes grow without the catalog's knowing; all else changes with it.
      if (isSettled && table.deltas.length === 0) return { kind: 'nothing' };
      const found = missing(now, table, absolute, isEmpty, isSettled);
      if (found.kind === 'nothing') settled = { table, state: now };
      return found;
    },
    read(table, keys) {
      const shape = rowShape(table);
      db.exec('BEGIN');
      try {
        return keys.map((key) => readOne(table, shape, key));
      } finally {
        db.exec('COMMIT');
      }
    },
    takeTails(table) {
      const shape = rowShape(table);
      const before = state();
      const tails = table.deltas.map(({ run, path }) => ({
        run,
        tail: readTail(absolute(path), before.deltas.get(run)?.bytes ?? 0, shape),
      }));
      if (tails.some(({ tail }) => tail === undefined)) return false;
      change(() => {
        const merge = openMerge(db, shape);
        for (const { tail } of tails) for (const row of tail?.rows ?? []) merge.addLoose(row);
        merge.flush();
        const deltas = tails.flatMap(({ run, tail }) => (tail ? [{ run, ...tail.taken }] : []));
        recordTaken(db, { shape, runs: [], deltas });
      });
      return true;
    },
    takeSnapshot(table, taken) {
      change(() => recordTaken(db, { shape: rowShape(table), deltas: [], ...taken }));
    },
    hasTombstonesBefore(run) {
      return db.prepare('SELECT 1 FROM tombstones WHERE run < ? LIMIT 1').get(run) !== undefined;
    },
    close() {
      db.close();
    },
  };
}

function damaged(what: string): HakiriError {
  return new HakiriError('store.damaged', `The row sidecar ${what}`);
}
