import { statSync } from 'node:fs';
import type { IndexSpec } from '@hakiri/core';
import { textSources } from './column-text.ts';
import type { Connection } from './connection.ts';
import { indexId } from './definition.ts';
import { openDocumentVectors } from './document-vectors.ts';
import type { IndexedDelta, IndexedTable } from './indexed-table.ts';
import { type MemoryRow, type MemoryUnit, memoryUnit, withVectors } from './memory-unit.ts';
import { type ReadRow, readRows } from './read-rows.ts';

/** What is held of a file of small writes. */
interface HeldDelta {
  /** Another file under the same name, or other indexes, is held anew. */
  readonly stamp: string;
  /** Bits by sequence. */
  seen: Uint32Array;
  units: readonly MemoryUnit[];
}

/** Units of so many rows stay as they are: merging more would keep a search waiting. */
const UNIT_ROWS = 1024;
const MAX_FILES = 64;

const files = new Map<string, HeldDelta>();

/**
 * The rows of a file of small writes that are alive, as units in memory; those met before are kept. Units also hold
 * rows that have died since.
 * @param alive bits by sequence
 */
export async function deltaUnits(
  connection: Connection,
  table: IndexedTable,
  delta: IndexedDelta,
  alive: Uint32Array | undefined,
): Promise<readonly MemoryUnit[]> {
  const held = heldOf(table, delta);
  const least = alive === undefined ? undefined : firstUnseen(alive, held.seen);
  if (alive === undefined || least === undefined) return held.units;
  const rows = await unseenRows(connection, table, delta, { alive, seen: held.seen, least });
  held.units = merged([...held.units, ...inUnits(table, delta, rows)], table, delta);
  held.seen = united(held.seen, rows);
  return held.units;
}

/** Units whose vectors were not there yet, with those that are there now. */
export function completedUnits(table: IndexedTable, delta: IndexedDelta): readonly MemoryUnit[] {
  const held = heldOf(table, delta);
  const wanted = table.indexes.filter(({ kind }) => kind === 'vector').map(indexId);
  const isWhole = ({ rows }: MemoryUnit): boolean =>
    rows.every(({ vectors }) => wanted.every((id) => vectors.has(id)));
  held.units = held.units.map((unit) => {
    if (isWhole(unit)) return unit;
    const reads = unit.rows.map(({ read }) => read);
    const rows = vectorsOf(table, reads);
    return unitOf(table, delta.run, rows);
  });
  return held.units;
}

function heldOf(table: IndexedTable, delta: IndexedDelta): HeldDelta {
  const stat = statSync(delta.path, { throwIfNoEntry: false });
  const stamp = JSON.stringify([stat?.ino, table.primaryKey, ...table.indexes.map(idOf)]);
  const known = files.get(delta.path);
  const held = known?.stamp === stamp ? known : { stamp, seen: new Uint32Array(0), units: [] };
  files.delete(delta.path);
  files.set(delta.path, held);
  const [oldest] = files.keys();
  if (files.size > MAX_FILES && oldest !== undefined) files.delete(oldest);
  return held;
}

const idOf = (spec: IndexSpec): string => indexId(spec);

function firstUnseen(alive: Uint32Array, seen: Uint32Array): number | undefined {
  for (let i = 0; i < alive.length; i++) {
    const unseen = alive[i]! & ~(seen[i] ?? 0);
    if (unseen !== 0) return i * 32 + 31 - Math.clz32(unseen & -unseen);
  }
  return undefined;
}

async function unseenRows(
  connection: Connection,
  table: IndexedTable,
  delta: IndexedDelta,
  { alive, seen, least }: { alive: Uint32Array; seen: Uint32Array; least: number },
): Promise<readonly MemoryRow[]> {
  const isWanted = (seq: number): boolean =>
    (((alive[seq >>> 5] ?? 0) & ~(seen[seq >>> 5] ?? 0)) >>> (seq & 31)) % 2 !== 0;
  const rows: MemoryRow[] = [];
  const chunks = readRows(connection, {
    from: `(${delta.select})`,
    schema: table.schema,
    primaryKey: table.primaryKey,
    texts: textSources(table.indexes),
    where: `"_hakiri_seq" >= ${least}`,
    orderBy: '"_hakiri_seq"',
  });
  for await (const chunk of chunks) {
    const wanted = chunk.filter(({ seq }) => isWanted(seq));
    rows.push(...vectorsOf(table, wanted));
  }
  return rows;
}

function vectorsOf(table: IndexedTable, rows: readonly ReadRow[]): readonly MemoryRow[] {
  const vectors = openDocumentVectors(table.embeddings);
  try {
    return withVectors(rows, table.indexes, vectors);
  } finally {
    vectors.close();
  }
}

function inUnits(
  table: IndexedTable,
  { run }: IndexedDelta,
  rows: readonly MemoryRow[],
): readonly MemoryUnit[] {
  const units: MemoryUnit[] = [];
  for (let at = 0; at < rows.length; at += UNIT_ROWS) {
    units.push(unitOf(table, run, rows.slice(at, at + UNIT_ROWS)));
  }
  return units;
}

const unitOf = (table: IndexedTable, run: IndexedDelta['run'], rows: readonly MemoryRow[]): MemoryUnit =>
  memoryUnit(run, rows, textSources(table.indexes), table.primaryKey.length > 0);

/** The last units become one while they are about as large: each row is merged a few times, and units stay few. */
function merged(
  units: readonly MemoryUnit[],
  table: IndexedTable,
  { run }: IndexedDelta,
): readonly MemoryUnit[] {
  const kept = [...units];
  for (;;) {
    const [before, last] = kept.slice(-2);
    if (!before || !last) return kept;
    const rows = before.rows.length + last.rows.length;
    if (rows > UNIT_ROWS || before.rows.length > 2 * last.rows.length) return kept;
    kept.splice(-2, 2, unitOf(table, run, [...before.rows, ...last.rows]));
  }
}

function united(seen: Uint32Array, rows: readonly MemoryRow[]): Uint32Array {
  const last = rows.at(-1)?.read.seq ?? 0;
  const words = new Uint32Array(Math.max(seen.length, (last >>> 5) + 1));
  words.set(seen);
  for (const { read } of rows) words[read.seq >>> 5]! |= 1 << (read.seq & 31);
  return words;
}
