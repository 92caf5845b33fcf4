import { createHash } from 'node:crypto';
import type { LedgerEntry, RunManifest, SnapshotId, SnapshotManifest, TableName } from '@hakiri/core';
import { writeDurably } from '../disk/durable.ts';
import { LEDGER_NAME, snapshotFolder } from '../disk/layout.ts';
import { readLedger } from '../recovery/read-manifest.ts';
import type { StoreContext } from '../store-context.ts';

/** Ledgers a snapshot carries before they are written into one. */
const MAX_LEDGERS = 8;

/**
 * Writes what stays of the covered runs when their folders are collected: their manifests without parts. Older
 * ledgers are carried by reference.
 */
export async function writeLedger(
  { files, paths }: Pick<StoreContext, 'files' | 'paths'>,
  table: TableName,
  snapshot: SnapshotId,
  covered: readonly RunManifest[],
  parent: SnapshotManifest | undefined,
): Promise<readonly LedgerEntry[]> {
  const carried = parent?.ledger ?? [];
  const isFull = carried.length >= MAX_LEDGERS;
  if (covered.length === 0 && !isFull) return carried;
  const older: RunManifest[] = [];
  for (const { path } of isFull ? carried : []) older.push(...(await readLedger(files, paths, path)));
  const runs = [...older, ...covered.map((manifest) => ({ ...manifest, parts: [] }))];
  const text = runs.map((manifest) => `${JSON.stringify(manifest)}\n`).join('');
  const path = `${snapshotFolder(table, snapshot)}/${LEDGER_NAME}`;
  await writeDurably(files, paths.absolute(path), text);
  const entry: LedgerEntry = {
    path,
    runs: runs.length,
    bytes: Buffer.byteLength(text),
    sha256: createHash('sha256').update(text).digest('hex'),
  };
  return isFull ? [entry] : [...carried, entry];
}
