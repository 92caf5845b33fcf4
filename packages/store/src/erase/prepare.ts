import {
  type ColumnStatistics,
  findColumn,
  type JsonValue,
  type LedgerEntry,
  type PartEntry,
  quoteIdentifier,
  quoteLiteral,
  type RunManifest,
  type SnapshotManifest,
  type SnapshotPartition,
  type TableName,
} from '@hakiri/core';
import { sha256 } from '../disk/sha256.ts';
import { readLedger } from '../recovery/read-manifest.ts';
import type { StoreContext } from '../store-context.ts';
import { cleanCursor, cursorTexts } from './cursor.ts';
import { type FoundRows, findRows } from './find-rows.ts';
import { type OrderValues, orderValues } from './order-values.ts';
import { cleanQuarantine } from './quarantine.ts';
import type { Forgotten } from './records.ts';
import { layReady, type Replacement, rewriteDelta, rewritePart, touchedPaths } from './rewrite-files.ts';
import type { TableFacts } from './sources.ts';
import { schemaReader, type TableFiles } from './table-files.ts';

/** What has to happen to a table so that nothing forgotten is in it. New content lies ready; nothing is changed yet. */
export interface TableChange {
  readonly table: TableName;
  /** Rows that go, each once. */
  readonly rows: number;
  /** Files that are rewritten or removed. */
  readonly files: number;
  /** Manifests that change. */
  readonly runs: readonly RunManifest[];
  readonly snapshots: readonly SnapshotManifest[];
  readonly replaced: readonly Replacement[];
  /** Parts that nothing names once the manifests are changed; relative. */
  readonly removed: readonly string[];
}

export async function prepareTable(
  context: StoreContext,
  table: TableFiles,
  forgotten: Forgotten,
): Promise<TableChange> {
  const { facts, runs, snapshots, sources } = table;
  const found = await findRows(context, facts, sources, forgotten, table.viewed);
  const ledgers = await readLedgers(context, snapshots);
  const named = [...runs, ...snapshots, ...[...ledgers.values()].flat()];
  const orders = await orderValues(context, facts, {
    sources,
    found,
    greatest: named.map((manifest) => manifest.greatest_order),
    texts: [...runs, ...[...ledgers.values()].flat()].flatMap(({ cursor }) => [
      ...cursorTexts(cursor.before),
      ...cursorTexts(cursor.after),
    ]),
  });
  const { parts, replaced: deltas, removed } = await rewriteSources(context, table, found, orders);
  const quarantined = [...runs, ...[...ledgers.values()].flat()].flatMap((run) => run.quarantine?.path ?? []);
  const quarantine = await rewriteQuarantines(context, facts, new Set(quarantined), found, forgotten);
  const change = { parts, quarantine: quarantine.rows, orders, forgotten };
  const newLedgers = await rewriteLedgers(context, ledgers, change);
  const newRuns = runs.map((run) => changedRun(run, change));
  const newSnapshots: SnapshotManifest[] = [];
  for (const snapshot of snapshots) {
    newSnapshots.push(await changedSnapshot(context, snapshot, change, newLedgers.entries));
  }
  const replaced = [...deltas, ...quarantine.replaced, ...newLedgers.replaced];
  return {
    table: facts.name,
    rows: found.rows,
    files: removed.length + replaced.length,
    runs: newRuns.filter((run, i) => run !== runs[i]),
    snapshots: newSnapshots.filter((snapshot, i) => snapshot !== snapshots[i]),
    replaced,
    removed,
  };
}

/** What changes in a manifest. */
export interface ManifestChange {
  /** By the old path; null for a part of which no row is left. */
  readonly parts: ReadonlyMap<string, PartEntry | null>;
  /** Lines left in quarantine files that were rewritten, by path. */
  readonly quarantine: ReadonlyMap<string, number>;
  readonly orders: OrderValues;
  readonly forgotten: Forgotten;
}

/** The manifest itself where nothing in it changes. */
export function changedRun(run: RunManifest, change: ManifestChange): RunManifest {
  const parts = changedParts(run.parts, change.parts);
  const greatest = change.orders.mapped(run.greatest_order);
  const cursor = {
    before: cleanCursor(run.cursor.before, change.orders, change.forgotten),
    after: cleanCursor(run.cursor.after, change.orders, change.forgotten),
  };
  const rows = run.quarantine ? change.quarantine.get(run.quarantine.path) : undefined;
  const isSame =
    parts === run.parts &&
    greatest === run.greatest_order &&
    cursor.before === run.cursor.before &&
    cursor.after === run.cursor.after &&
    rows === undefined;
  if (isSame) return run;
  const quarantine =
    rows === undefined ? run.quarantine : rows === 0 ? null : { path: run.quarantine?.path ?? '', rows };
  return { ...run, parts, greatest_order: greatest, cursor, quarantine };
}

function changedParts(parts: readonly PartEntry[], changes: ManifestChange['parts']): readonly PartEntry[] {
  if (!parts.some(({ path }) => changes.has(path))) return parts;
  return parts.flatMap((part) => {
    const change = changes.get(part.path);
    return change === undefined ? part : (change ?? []);
  });
}

/** Writes the parts and files of small writes that change anew, beside the old ones. */
export async function rewriteSources(
  context: StoreContext,
  { sources }: Pick<TableFiles, 'sources'>,
  found: FoundRows,
  orders: OrderValues,
): Promise<{
  readonly parts: ReadonlyMap<string, PartEntry | null>;
  readonly replaced: readonly Replacement[];
  readonly removed: readonly string[];
}> {
  const touched = touchedPaths(found, orders);
  const parts = new Map<string, PartEntry | null>();
  const replaced: Replacement[] = [];
  for (const source of sources) {
    const { path, part } = source;
    if (part !== undefined) {
      if (touched.has(path)) parts.set(path, await rewritePart(context, { ...source, part }, found, orders));
      continue;
    }
    // A greatest order in the head, a line nobody can read: whatever changes the text.
    const before = await context.files.readText(context.paths.absolute(path));
    const after = await rewriteDelta(context, source, found, orders);
    if (after !== before) replaced.push(await layReady(context, path, after));
  }
  return { parts, replaced, removed: [...parts.keys()] };
}

async function rewriteQuarantines(
  context: StoreContext,
  facts: TableFacts,
  quarantined: ReadonlySet<string>,
  found: FoundRows,
  forgotten: Forgotten,
): Promise<{ readonly rows: ReadonlyMap<string, number>; readonly replaced: readonly Replacement[] }> {
  const { files, paths } = context;
  const rows = new Map<string, number>();
  const replaced: Replacement[] = [];
  for (const path of quarantined) {
    if (!(await files.stat(paths.absolute(path)))) continue;
    const text = await files.readText(paths.absolute(path));
    const clean = cleanQuarantine(text, facts, forgotten, found.keys);
    if (!clean.changed) continue;
    rows.set(path, clean.rows);
    replaced.push(await layReady(context, path, clean.text));
  }
  return { rows, replaced };
}

async function readLedgers(
  { files, paths }: StoreContext,
  snapshots: readonly SnapshotManifest[],
): Promise<ReadonlyMap<string, readonly RunManifest[]>> {
  const ledgers = new Map<string, readonly RunManifest[]>();
  for (const { path } of snapshots.flatMap(({ ledger }) => ledger)) {
    if (!ledgers.has(path)) ledgers.set(path, await readLedger(files, paths, path));
  }
  return ledgers;
}

async function rewriteLedgers(
  context: StoreContext,
  ledgers: ReadonlyMap<string, readonly RunManifest[]>,
  change: ManifestChange,
): Promise<{
  readonly entries: ReadonlyMap<string, LedgerEntry>;
  readonly replaced: readonly Replacement[];
}> {
  const entries = new Map<string, LedgerEntry>();
  const replaced: Replacement[] = [];
  for (const [path, runs] of ledgers) {
    const after = runs.map((run) => changedRun(run, change));
    if (after.every((run, i) => run === runs[i])) continue;
    const text = after.map((run) => `${JSON.stringify(run)}\n`).join('');
    entries.set(path, { path, runs: runs.length, bytes: Buffer.byteLength(text), sha256: sha256(text) });
    replaced.push(await layReady(context, path, text));
  }
  return { entries, replaced };
}

async function changedSnapshot(
  context: StoreContext,
  snapshot: SnapshotManifest,
  change: ManifestChange,
  ledgers: ReadonlyMap<string, LedgerEntry>,
): Promise<SnapshotManifest> {
  const partitions: SnapshotPartition[] = [];
  for (const partition of snapshot.partitions) {
    const parts = changedParts(partition.parts, change.parts);
    if (parts === partition.parts) partitions.push(partition);
    else if (parts.length > 0) partitions.push(await measured(context, snapshot.table, partition, parts));
  }
  const greatest = change.orders.mapped(snapshot.greatest_order);
  const ledger = snapshot.ledger.map((entry) => ledgers.get(entry.path) ?? entry);
  const isSame =
    greatest === snapshot.greatest_order &&
    ledger.every((entry, i) => entry === snapshot.ledger[i]) &&
    partitions.length === snapshot.partitions.length &&
    partitions.every((partition, i) => partition === snapshot.partitions[i]);
  if (isSame) return snapshot;
  return {
    ...snapshot,
    greatest_order: greatest,
    partitions,
    ledger,
    rows: partitions.reduce((sum, { rows }) => sum + rows, 0),
    tombstones: partitions.reduce((sum, { tombstones }) => sum + tombstones, 0),
  };
}

/** As compaction keeps them: a longer bound is not kept. */
const MAX_BOUND_BYTES = 64;

/** A partition over other parts, measured anew: a bound may have been a value that is gone. */
async function measured(
  context: StoreContext,
  table: TableName,
  partition: SnapshotPartition,
  parts: readonly PartEntry[],
): Promise<SnapshotPartition> {
  const held = await schemaReader(context, table)(parts[0]?.schema ?? '');
  const names = Object.keys(partition.columns).filter((name) => findColumn(held, name));
  const measures = names.flatMap((name) => {
    const column = quoteIdentifier(name);
    const isBytes = findColumn(held, name)?.type.kind === 'bytes';
    return [
      isBytes ? 'NULL' : `min(${column})`,
      isBytes ? 'NULL' : `max(${column})`,
      `count(*) - count(${column})`,
      `approx_count_distinct(${column})`,
    ];
  });
  const from = parts.map(({ path }) => quoteLiteral(context.paths.absolute(path))).join(', ');
  const [[tombstones, ...found] = []] = await context.engine.select(
    `SELECT ${['count(*) FILTER ("_hakiri_deleted")', ...measures].join(', ')} FROM read_parquet([${from}], hive_partitioning = false)`,
  );
  const columns = Object.fromEntries(
    names.map((name, i): [string, ColumnStatistics] => {
      const [min = null, max = null, nulls, distinct] = found.slice(4 * i, 4 * i + 4);
      const isLong = [min, max].some(isLongText);
      return [
        name,
        {
          min: isLong ? null : min,
          max: isLong ? null : max,
          nulls: Number(nulls),
          distinct: Number(distinct),
        },
      ];
    }),
  );
  return {
    ...partition,
    parts,
    rows: parts.reduce((sum, { rows }) => sum + rows, 0),
    tombstones: Number(tombstones),
    columns,
  };
}

const isLongText = (value: JsonValue): boolean =>
  typeof value === 'string' && Buffer.byteLength(value) > MAX_BOUND_BYTES;
