import { createHash } from 'node:crypto';
import type { Connection } from '../indexes/connection.ts';
import type { IndexedTable } from '../indexes/indexed-table.ts';
import type { OpenedTable, TableRows } from '../indexes/opened-table.ts';
import type { AllowedRows } from '../search/request.ts';
import { type PlacedRows, placedRows, type Sieve } from './alive-places.ts';
import { type RowSet, rowSetFromWords } from './row-set.ts';

/** Of all sets that are kept. */
const MAX_BYTES = 64 * 1024 * 1024;

/** The one used longest ago first. */
const placed = new Map<string, PlacedRows>();
let placedBytes = 0;

/** Sets over an opened table's units go with it. */
const ofOpened = new WeakMap<OpenedTable, Map<string, TableRows>>();

/** Rows of the table as of its version. Memoised. */
export function aliveRows(connection: Connection, opened: OpenedTable): Promise<TableRows> {
  return rowsOf(connection, opened, EVERYTHING);
}

/** Alive rows that the grant sees. Memoised. */
export function seenRows(
  connection: Connection,
  opened: OpenedTable,
  { seesAll, seen }: AllowedRows,
): Promise<TableRows> {
  return rowsOf(connection, opened, seesAll ? EVERYTHING : { seen, where: undefined });
}

/**
 * Rows that the grant sees and the condition lets pass; the very object that `seenRows` gives where there is none.
 * Memoised.
 */
export function allowedRows(
  connection: Connection,
  opened: OpenedTable,
  allowed: AllowedRows,
): Promise<TableRows> {
  return allowed.where === undefined
    ? seenRows(connection, opened, allowed)
    : rowsOf(connection, opened, allowed);
}

const EVERYTHING: Sieve = { seen: undefined, where: undefined };

/** Where the rows lie that a sieve leaves, or all of them. Memoised. */
export async function placesOf(
  connection: Connection,
  table: IndexedTable,
  sieve: Sieve = EVERYTHING,
): Promise<PlacedRows> {
  const key = keyOf(table, sieve);
  const known = placed.get(key);
  if (known) {
    placed.delete(key);
    placed.set(key, known);
    return known;
  }
  const found = await placedRows(connection, table, sieve);
  placed.set(key, found);
  placedBytes += found.bytes;
  for (const [old, { bytes }] of placed) {
    if (placedBytes <= MAX_BYTES || old === key) break;
    placed.delete(old);
    placedBytes -= bytes;
  }
  return found;
}

/** The statements themselves, so that no two grants share a set by mistake, and any do that leave the same. */
function keyOf({ name, version }: IndexedTable, { seen, where }: Sieve): string {
  const left = JSON.stringify([seen ?? null, where ?? null]);
  const digest =
    seen === undefined && where === undefined ? '' : createHash('sha256').update(left).digest('hex');
  return JSON.stringify([name, version, digest]);
}

async function rowsOf(connection: Connection, opened: OpenedTable, sieve: Sieve): Promise<TableRows> {
  const sets = ofOpened.get(opened) ?? new Map<string, TableRows>();
  ofOpened.set(opened, sets);
  const key = keyOf(opened.table, sieve);
  const known = sets.get(key);
  if (known) return known;
  const found = overUnits(opened, await placesOf(connection, opened.table, sieve));
  if (sets.size >= MAX_SETS) sets.clear();
  sets.set(key, found);
  return found;
}

/** Of one opened table. */
const MAX_SETS = 64;

function overUnits({ table, units }: OpenedTable, { parts, deltas }: PlacedRows): TableRows {
  const sets = units.map((unit, i): RowSet => {
    const part = table.parts[i];
    if (part) return partRows(unit.rows, parts.get(part.path));
    return unit.identities ? memoryRows(unit.identities, deltas) : noRows(unit.rows);
  });
  return { units: sets, count: sets.reduce((sum, { count }) => sum + count, 0) };
}

const noRows = (rows: number): RowSet => rowSetFromWords(rows, new Uint32Array((rows + 31) >>> 5));

function partRows(rows: number, words: Uint32Array | undefined): RowSet {
  const needed = (rows + 31) >>> 5;
  if (words === undefined) return noRows(rows);
  const fitting = new Uint32Array(needed);
  fitting.set(words.subarray(0, needed));
  return rowSetFromWords(rows, fitting);
}

function memoryRows(
  identities: NonNullable<OpenedTable['units'][number]['identities']>,
  deltas: PlacedRows['deltas'],
): RowSet {
  const { rows } = identities;
  const words = new Uint32Array((rows + 31) >>> 5);
  for (let ordinal = 0; ordinal < rows; ordinal++) {
    const run = identities.runs[identities.runIndexAt(ordinal)]!;
    const seq = identities.seqAt(ordinal);
    if ((((deltas.get(run)?.[seq >>> 5] ?? 0) >>> (seq & 31)) & 1) === 1) {
      words[ordinal >>> 5]! |= 1 << (ordinal & 31);
    }
  }
  return rowSetFromWords(rows, words);
}
