import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import {
  type CatalogDelta,
  type CatalogRunPart,
  type CatalogTable,
  HakiriError,
  type PartEntry,
  parseArrowJson,
  type RunId,
  type RunManifest,
  type SchemaFingerprint,
  type SnapshotId,
  type TableName,
  type TableSchema,
} from '@hakiri/core';
import { nextSequence, type Store, schemaFile } from '@hakiri/store';

/** Exactly which files, and how much of those that grow, a table was read from. */
export interface PinnedTable {
  readonly table: TableName;
  readonly schema: SchemaFingerprint;
  readonly snapshot: SnapshotId | null;
  /** Runs beside the snapshot. */
  readonly runs: readonly RunId[];
  readonly deltas: readonly PinnedDelta[];
  /** Of the parts: what is deleted for good rewrites them under the same names of runs and snapshots. */
  readonly digest: string;
}

interface PinnedDelta {
  readonly run: RunId;
  readonly beforeSeq: number;
  readonly until?: string;
}

/** The table with its files of small writes cut off where they end now. */
export function bounded({ paths }: Pick<Store, 'paths'>, table: CatalogTable): CatalogTable {
  if (table.deltas.length === 0) return table;
  const deltas = table.deltas.map((delta): CatalogDelta => {
    if (delta.beforeSeq !== undefined) return delta;
    return { ...delta, beforeSeq: endOf(paths.absolute(delta.path)) };
  });
  return { ...table, deltas };
}

/** @throws HakiriError store.damaged for a file that went away meanwhile */
function endOf(path: string): number {
  try {
    return nextSequence(path);
  } catch (cause) {
    throw new HakiriError('store.damaged', 'A file of small writes cannot be read', { cause });
  }
}

/** @param table whose files of small writes are cut off */
export function pinned(table: CatalogTable): PinnedTable {
  return {
    table: table.name,
    schema: table.fingerprint,
    snapshot: table.snapshot?.manifest.snapshot ?? null,
    runs: [...new Set(table.newer.map(({ run }) => run))],
    deltas: table.deltas.map(({ run, beforeSeq = 0, until }) => ({
      run,
      beforeSeq,
      ...(until === undefined ? {} : { until }),
    })),
    digest: digestOf(table.snapshot?.parts ?? [], table.newer),
  };
}

/**
 * The table as it was pinned, whatever was committed, merged or folded since.
 * @throws HakiriError query.next_invalid when what it was read from is no longer kept
 */
export async function restored({ catalog, paths }: Store, pin: PinnedTable): Promise<CatalogTable> {
  const now = await catalog.table(pin.table);
  if (now === undefined) throw gone();
  const schemas = new Map<SchemaFingerprint, Promise<TableSchema>>();
  const schemaOf = (fingerprint: SchemaFingerprint): Promise<TableSchema> => {
    const reading =
      schemas.get(fingerprint) ?? readSchema(paths.absolute(schemaFile(pin.table, fingerprint)));
    schemas.set(fingerprint, reading);
    return reading;
  };
  const withColumns = async <Part extends PartEntry>(part: Part) => ({
    ...part,
    columns: await schemaOf(part.schema),
  });
  const manifests = new Map((await catalog.runs(pin.table)).map((manifest) => [manifest.run, manifest]));
  const collected = await catalog.collectedRuns(pin.table);
  const runOf = (run: RunId): RunManifest => {
    const manifest = manifests.get(run);
    if (manifest === undefined || collected.has(run)) throw gone();
    return manifest;
  };
  const manifest =
    pin.snapshot === null
      ? undefined
      : (await catalog.snapshots(pin.table)).find(({ snapshot }) => snapshot === pin.snapshot);
  if (pin.snapshot !== null && manifest === undefined) throw gone();
  const snapshot = manifest && {
    manifest,
    parts: await Promise.all(manifest.partitions.flatMap(({ parts }) => parts.map(withColumns))),
  };
  const newer: readonly CatalogRunPart[] = await Promise.all(
    pin.runs.flatMap((run) => runOf(run).parts.map((part) => withColumns({ ...part, run }))),
  );
  if (digestOf(snapshot?.parts ?? [], newer) !== pin.digest) throw gone();
  const deltas = await Promise.all(
    pin.deltas.map(async (delta): Promise<CatalogDelta> => {
      const open = now.deltas.find(({ run }) => run === delta.run);
      if (open) return { ...open, ...delta };
      const folded = runOf(delta.run);
      if (folded.delta === null) throw gone();
      return { ...delta, path: folded.delta.path, columns: await schemaOf(folded.schema) };
    }),
  );
  return { ...now, fingerprint: pin.schema, schema: await schemaOf(pin.schema), snapshot, newer, deltas };
}

/** What a continuation is refused with. */
export function gone(): HakiriError {
  return new HakiriError('query.next_invalid', 'What this continues is no longer kept');
}

/** Whether two states of a table are read from the same files, of those that grow the same beginning. */
export function isSame(a: PinnedTable, b: PinnedTable): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function digestOf(...parts: readonly (readonly PartEntry[])[]): string {
  const hash = createHash('sha256');
  for (const { path, sha256 } of parts.flat()) hash.update(`${path}\0${sha256}\0`);
  return hash.digest('base64url').slice(0, 22);
}

async function readSchema(path: string): Promise<TableSchema> {
  return parseArrowJson(await readFile(path, 'utf8'));
}
