import { join } from 'node:path';
import { HakiriError, type IndexSpec, isHakiriError, type RunId } from '@hakiri/core';
import { placesOf } from '../sets/table-rows.ts';
import type { TextSegment } from '../text/index.ts';
import type { VectorSegment } from '../vector/index.ts';
import type { Connection } from './connection.ts';
import { indexId } from './definition.ts';
import { completedUnits, deltaUnits } from './delta-units.ts';
import type { IndexedPart, IndexedTable } from './indexed-table.ts';
import type { MemoryUnit } from './memory-unit.ts';
import type { OpenedIndex, OpenedTable, Place, Unit } from './opened-table.ts';
import { openPart, type PartSegments } from './part-segments.ts';
import { createPlaces, type Places } from './places.ts';

/** What another process makes is seen so much later: what was missing, and what it made anew. */
const LOOK_AGAIN_MS = { behind: 250, whole: 5000 };
/** Of open parts; those of tables that nobody asks for are closed first. */
const MAX_PARTS = 4096;
const MAX_TABLES = 16;

/** By path, the one used longest ago first. */
const parts = new Map<string, PartSegments>();
/** By name, version and indexes. */
const tables = new Map<string, Kept>();
/** By table: rows of the parts it had last. */
const placesByTable = new Map<string, KeptPlaces>();

interface Kept {
  readonly opened: OpenedTable;
  readonly isWhole: boolean;
  readonly built: number;
  readonly lookedAt: number;
}

/**
 * Opens what a search in the table needs; what is open already is used again. In the reader's child only.
 * @throws HakiriError index.damaged, store.damaged, store.io
 */
export async function openTable(connection: Connection, table: IndexedTable): Promise<OpenedTable> {
  const key = JSON.stringify([table.name, table.version, ...table.indexes.map(indexId)]);
  const known = tables.get(key);
  if (known && isCurrent(known, table)) return known.opened;
  const units = await memoryUnits(connection, table);
  const opened = opening(table, units);
  const kept: Kept = {
    opened: known && holdsTheSame(known.opened, opened) ? known.opened : opened,
    isWhole: opened.indexes.every(({ units: of }) => of.every((segments) => segments !== undefined)),
    built: table.built,
    lookedAt: performance.now(),
  };
  tables.delete(key);
  tables.set(key, kept);
  const [oldest] = tables.keys();
  if (tables.size > MAX_TABLES && oldest !== undefined) tables.delete(oldest);
  return kept.opened;
}

function isCurrent({ isWhole, built, lookedAt }: Kept, table: IndexedTable): boolean {
  const ageMs = performance.now() - lookedAt;
  return built === table.built && ageMs < (isWhole ? LOOK_AGAIN_MS.whole : LOOK_AGAIN_MS.behind);
}

async function memoryUnits(connection: Connection, table: IndexedTable): Promise<readonly MemoryUnit[]> {
  if (table.deltas.length === 0) return [];
  const alive = await placesOf(connection, table);
  const units: MemoryUnit[] = [];
  for (const delta of table.deltas) {
    await deltaUnits(connection, table, delta, alive.deltas.get(delta.run));
    units.push(...completedUnits(table, delta));
  }
  return units;
}

function opening(table: IndexedTable, memory: readonly MemoryUnit[]): OpenedTable {
  const held = table.parts.map(partOf);
  const units: Unit[] = [
    ...table.parts.map(
      ({ rows }, i): Unit => ({ rows, identities: named(table, () => held[i]!.identities()) }),
    ),
    ...memory.map(({ identities }): Unit => ({ rows: identities.rows, identities })),
  ];
  const indexes = table.indexes.map((spec): OpenedIndex => {
    const segments = [
      // Without its rows nobody could tell what was found.
      ...held.map((part, i) => (units[i]!.identities ? named(table, () => part.of(spec), spec) : undefined)),
      ...memory.map((unit) => unit.segments(spec)),
    ];
    const id = indexId(spec);
    return spec.kind === 'fts'
      ? { kind: 'fts', spec, id, units: segments as (readonly TextSegment[] | undefined)[] }
      : {
          kind: 'vector',
          spec,
          id,
          units: segments as (VectorSegment | undefined)[],
          graph: join(table.graphs, id),
        };
  });
  return { table, units, indexes, place: placing(table, units) };
}

function partOf(part: IndexedPart): PartSegments {
  const known = parts.get(part.path);
  const held = known ?? openPart(part);
  parts.delete(part.path);
  parts.set(part.path, held);
  const [oldest] = parts;
  if (parts.size > MAX_PARTS && oldest) {
    parts.delete(oldest[0]);
    oldest[1].close();
  }
  return held;
}

/** Damage is told with what mends it. */
function named<T>(table: IndexedTable, work: () => T, spec?: IndexSpec): T {
  try {
    return work();
  } catch (error) {
    if (!isHakiriError(error) || error.code !== 'index.damaged') throw error;
    const which = spec ? `Index ${spec.name} of ${table.name}` : `What the indexes of ${table.name} share`;
    throw new HakiriError('index.damaged', `${which} is damaged: ${error.message}`, {
      cause: error,
      hint: `Run \`hakiri index rebuild ${table.name}\`.`,
      ...(error.details ? { details: error.details } : {}),
    });
  }
}

function holdsTheSame(a: OpenedTable, b: OpenedTable): boolean {
  return (
    a.units.length === b.units.length &&
    a.units.every(({ identities }, i) => identities === b.units[i]!.identities) &&
    a.indexes.every(({ units }, i) => units.every((segments, u) => segments === b.indexes[i]!.units[u]))
  );
}

interface KeptPlaces {
  readonly places: Places;
  /** In the order in which they were added. */
  readonly added: NonNullable<Unit['identities']>[];
}

/** Rows of units that are there already are kept: a commit adds its own. */
function placing(table: IndexedTable, units: readonly Unit[]): OpenedTable['place'] {
  let find: ((run: RunId, seq: number) => Place | undefined) | undefined;
  const make = () => {
    const identities = units.flatMap((unit) => unit.identities ?? []);
    const now = new Set(identities);
    const known = placesByTable.get(table.name);
    // Rows of a unit that is gone may stand elsewhere now.
    const kept: KeptPlaces =
      known?.added.every((one) => now.has(one)) === true ? known : { places: createPlaces(), added: [] };
    const before = new Set(kept.added);
    for (const one of identities) {
      if (before.has(one)) continue;
      kept.places.add(one);
      kept.added.push(one);
    }
    placesByTable.set(table.name, kept);
    const unitOf = new Map(units.map((unit, i) => [unit.identities, i]));
    const byAdded = kept.added.map((one) => unitOf.get(one) ?? -1);
    return (run: RunId, seq: number): Place | undefined => {
      const place = kept.places.find(run, seq);
      const unit = place === undefined ? undefined : byAdded[place.added];
      return place === undefined || unit === undefined || unit < 0
        ? undefined
        : { unit, ordinal: place.ordinal };
    };
  };
  return (run, seq) => {
    find ??= make();
    return find(run, seq);
  };
}
