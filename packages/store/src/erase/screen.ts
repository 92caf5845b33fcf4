import type { PartEntry, RunManifest, SchemaFingerprint, TableName, TableSchema } from '@hakiri/core';
import { readDeltaHead } from '../delta/delta-file.ts';
import { runFolder } from '../disk/layout.ts';
import { type ReadManifest, type ReadSnapshot, readLedger } from '../recovery/read-manifest.ts';
import type { StoreContext } from '../store-context.ts';
import { cleanCursor, cursorTexts } from './cursor.ts';
import { findRows } from './find-rows.ts';
import { orderValues } from './order-values.ts';
import { writeFiles } from './plan.ts';
import { prepareTable, rewriteSources, type TableChange } from './prepare.ts';
import { type Forgotten, readErasures } from './records.ts';
import { deltaSource, partSource, type Source, type TableFacts } from './sources.ts';

/** Files of one table that the catalog does not know yet. */
export interface Arrived {
  readonly runs: readonly ReadManifest[];
  readonly snapshots: readonly ReadSnapshot[];
  /** Absolute paths. */
  readonly deltas: readonly string[];
}

/**
 * Takes out of the files of a table what was forgotten, on the disk, before the catalog learns of them. All that
 * arrived is looked at together: a row of one file may have left its order in another.
 */
export type Screen = (table: TableName, arrived: Arrived) => Promise<Arrived>;

/** Undefined where nothing was ever forgotten. */
export async function openScreen(context: StoreContext): Promise<Screen | undefined> {
  const forgotten = (await readErasures(context))?.forgotten;
  return forgotten && ((table, arrived) => screen(context, forgotten, table, arrived));
}

/** Done again from the start after a crash: nothing is known of the files before it is through. */
async function screen(
  context: StoreContext,
  forgotten: Forgotten,
  name: TableName,
  arrived: Arrived,
): Promise<Arrived> {
  const { catalog, files, paths } = context;
  const heads = [];
  for (const path of arrived.deltas) heads.push({ path, ...(await readDeltaHead(files, paths, path)) });
  const described = [
    ...arrived.snapshots.map(({ manifest, schemas }) => ({ ...manifest, schemas })),
    ...heads.map(({ head, schemas }) => ({ ...head, schemas })),
    ...arrived.runs.map(({ manifest, schemas }) => ({ ...manifest, schemas })),
  ];
  const [first] = described.slice(-1);
  if (first === undefined) return arrived;
  const known = await catalog.table(name);
  const columns = described.flatMap(({ subject_columns }) => subject_columns);
  const parts = new Map<string, Source>();
  for (const { manifest, schemas } of arrived.runs) {
    for (const part of manifest.parts)
      parts.set(part.path, partSource(context, part, schemaOf(schemas, part)));
  }
  for (const { manifest, schemas } of arrived.snapshots) {
    for (const part of manifest.partitions.flatMap((partition) => partition.parts)) {
      parts.set(part.path, partSource(context, part, schemaOf(schemas, part)));
    }
  }
  const deltas = heads.map(({ path, head, schemas }) =>
    deltaSource(context, {
      run: head.run,
      path: path.slice(paths.context.length + 1),
      columns: schemas.get(head.schema) ?? { columns: [] },
    }),
  );
  const change = await prepareTable(
    context,
    {
      facts: {
        ...factsOf(first, first.schemas),
        subjectColumns: [...new Set([...columns, ...(known?.subjectColumns ?? [])])],
      },
      runs: arrived.runs.map(({ manifest }) => manifest),
      snapshots: arrived.snapshots.map(({ manifest }) => manifest),
      sources: [...parts.values(), ...deltas],
      collected: new Set(),
      viewed: undefined,
    },
    forgotten,
  );
  await writeFiles(context, { format: 1, digests: [], changes: [change] });
  for (const path of change.removed) await files.remove(paths.absolute(path));
  const screened = {
    ...arrived,
    runs: arrived.runs.map((read) => ({
      ...read,
      manifest: change.runs.find(({ run }) => run === read.manifest.run) ?? read.manifest,
    })),
    snapshots: await Promise.all(arrived.snapshots.map((read) => changedSnapshot(context, read, change))),
  };
  for (const { manifest } of screened.runs) await removeUnnamed(context, manifest);
  return screened;
}

async function changedSnapshot(
  { files, paths }: StoreContext,
  read: ReadSnapshot,
  { snapshots }: TableChange,
): Promise<ReadSnapshot> {
  const manifest = snapshots.find(({ snapshot }) => snapshot === read.manifest.snapshot) ?? read.manifest;
  const runs: RunManifest[] = [];
  for (const { path } of manifest.ledger) runs.push(...(await readLedger(files, paths, path)));
  return { ...read, manifest, runs };
}

type Described = Pick<
  RunManifest,
  'table' | 'mode' | 'primary_key' | 'incremental' | 'subject_columns' | 'schema'
>;

function factsOf(of: Described, schemas: ReadonlyMap<SchemaFingerprint, TableSchema>): TableFacts {
  return {
    name: of.table,
    mode: of.mode,
    primaryKey: of.primary_key,
    incremental: of.incremental,
    subjectColumns: of.subject_columns,
    schema: schemas.get(of.schema) ?? { columns: [] },
  };
}

const schemaOf = (schemas: ReadonlyMap<SchemaFingerprint, TableSchema>, { schema }: PartEntry): TableSchema =>
  schemas.get(schema) ?? { columns: [] };

/** Parts that an attempt left which died after it had written the manifest. */
async function removeUnnamed({ files, paths }: StoreContext, run: RunManifest): Promise<void> {
  const folder = runFolder(run.table, run.run, run.node);
  const named = new Set(run.parts.map(({ path }) => path));
  for (const { name } of await files.list(paths.absolute(folder))) {
    const path = `${folder}/${name}`;
    if (name.endsWith('.parquet') && !named.has(path)) await files.remove(paths.absolute(path));
  }
}

/** What a run is about to commit. */
export interface RunParts {
  readonly parts: readonly PartEntry[];
  readonly schemas: ReadonlyMap<SchemaFingerprint, TableSchema>;
  readonly greatestOrder: string | null;
  /** Greatest order of the table before the run. */
  readonly before: string | null;
  readonly cursors: readonly (string | null)[];
}

export interface ScreenedRun {
  readonly parts: readonly PartEntry[];
  readonly greatestOrder: string | null;
  /** Rows that were left out. */
  readonly forgotten: number;
  cursor(cursor: string | null): string | null;
}

/**
 * Leaves out what was forgotten from the parts of a run before its manifest is written; the other rows keep their
 * sequence. Compaction, which only merges what is there, needs nothing of this.
 */
export async function leaveOutForgotten(
  context: StoreContext,
  forgotten: Forgotten,
  facts: TableFacts,
  run: RunParts,
): Promise<ScreenedRun> {
  const sources = run.parts.map((part) => partSource(context, part, schemaOf(run.schemas, part)));
  const found = await findRows(context, facts, sources, forgotten);
  const orders = await orderValues(context, facts, {
    sources,
    found,
    greatest: [run.greatestOrder],
    texts: run.cursors.flatMap(cursorTexts),
    before: run.before,
  });
  const { parts, removed } = await rewriteSources(context, { sources }, found, orders);
  for (const path of removed) await context.files.remove(context.paths.absolute(path));
  return {
    parts: run.parts.flatMap((part) => {
      const changed = parts.get(part.path);
      return changed === undefined ? part : (changed ?? []);
    }),
    greatestOrder: orders.mapped(run.greatestOrder),
    forgotten: found.rows,
    cursor: (cursor) => cleanCursor(cursor, orders, forgotten),
  };
}
