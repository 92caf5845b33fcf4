import {
  firstRunIdOf,
  type LedgerEntry,
  type PartEntry,
  quoteLiteral,
  type RunId,
  type RunManifest,
  type SnapshotId,
  type SnapshotManifest,
  type TableName,
} from '@hakiri/core';
import { writeDurably } from '../disk/durable.ts';
import { LEDGER_NAME, snapshotFolder } from '../disk/layout.ts';
import { sha256 } from '../disk/sha256.ts';
import { readLedger } from '../recovery/read-manifest.ts';
import type { StoreContext } from '../store-context.ts';

/** Ledgers a snapshot carries before they are written into one. */
const MAX_LEDGERS = 8;

export interface LedgerRequest {
  readonly table: TableName;
  readonly snapshot: SnapshotId;
  readonly covered: readonly RunManifest[];
  readonly parent: SnapshotManifest | undefined;
  /** Of the new snapshot: whose rows it holds still has to be told. */
  readonly parts: readonly PartEntry[];
  readonly horizon: string;
}

export interface WrittenLedger {
  readonly ledger: readonly LedgerEntry[];
  /** Runs that are told of no more: nothing that is left comes from them. */
  readonly dropped: readonly RunId[];
}

/**
 * Writes what stays of the covered runs when their folders are collected: their manifests without parts. Older
 * ledgers are carried by reference; once there are many, they become one, without the runs that left nothing.
 */
export async function writeLedger(context: StoreContext, request: LedgerRequest): Promise<WrittenLedger> {
  const { table, snapshot, covered, parent } = request;
  const carried = parent?.ledger ?? [];
  const isFull = carried.length >= MAX_LEDGERS;
  if (covered.length === 0 && !isFull) return { ledger: carried, dropped: [] };
  const { kept, dropped } = isFull ? await olderRuns(context, carried, request) : { kept: [], dropped: [] };
  const runs = [...kept, ...covered.map((manifest) => ({ ...manifest, parts: [] }))];
  const text = runs.map((manifest) => `${JSON.stringify(manifest)}\n`).join('');
  const path = `${snapshotFolder(table, snapshot)}/${LEDGER_NAME}`;
  await writeDurably(context.files, context.paths.absolute(path), text);
  const entry: LedgerEntry = {
    path,
    runs: runs.length,
    bytes: Buffer.byteLength(text),
    sha256: sha256(text),
  };
  return { ledger: isFull ? [entry] : [...carried, entry], dropped };
}

/**
 * A run is told of while one of its rows is left, while it may arrive once more, and where it says what nothing
 * else does: a change of schema, records set aside, the last cursor of a source.
 */
async function olderRuns(
  { catalog, engine, files, paths }: StoreContext,
  carried: readonly LedgerEntry[],
  { table, covered, parts, horizon }: LedgerRequest,
): Promise<{ readonly kept: readonly RunManifest[]; readonly dropped: readonly RunId[] }> {
  const older: RunManifest[] = [];
  for (const { path } of carried) older.push(...(await readLedger(files, paths, path)));
  const collected = await catalog.collectedRuns(table);
  const bound = firstRunIdOf(Date.parse(horizon));
  const lastOf = new Map<string, RunId>();
  for (const { run, pipeline, source_table: source } of [...older, ...covered]) {
    const other = lastOf.get(`${pipeline}/${source}`);
    if (other === undefined || other < run) lastOf.set(`${pipeline}/${source}`, run);
  }
  const lasts = new Set(lastOf.values());
  const alive =
    parts.length === 0
      ? []
      : await engine.select(distinctRuns(parts.map(({ path }) => paths.absolute(path))));
  const living = new Set(alive.map(([run]) => run));
  const isDone = ({ run, schema_changes: changes, quarantine }: RunManifest): boolean =>
    run < bound &&
    collected.has(run) &&
    !living.has(run) &&
    !lasts.has(run) &&
    changes.length === 0 &&
    quarantine === null;
  return { kept: older.filter((run) => !isDone(run)), dropped: older.filter(isDone).map(({ run }) => run) };
}

function distinctRuns(paths: readonly string[]): string {
  return `SELECT DISTINCT "_hakiri_run" FROM read_parquet([${paths.map(quoteLiteral).join(', ')}], hive_partitioning=false)`;
}
