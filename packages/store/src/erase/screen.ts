import type { PartEntry, RunManifest, SchemaFingerprint, TableSchema } from '@hakiri/core';
import { readDeltaHead } from '../delta/delta-file.ts';
import { runFolder } from '../disk/layout.ts';
import { type ReadManifest, type ReadSnapshot, readLedger } from '../recovery/read-manifest.ts';
import type { StoreContext } from '../store-context.ts';
import { cleanCursor, cursorTexts } from './cursor.ts';
import { findRows } from './find-rows.ts';
import { orderValues } from './order-values.ts';
import { writeFiles } from './plan.ts';
import { prepareTable, rewriteSources, type TableChange } from './prepare.ts';
import { type Erasures, type Forgotten, readErasures } from './records.ts';
import { deltaSource, partSource, type TableFacts } from './sources.ts';
import type { TableFiles } from './table-files.ts';

/** What was forgotten must not come in with files that the catalog does not know yet. */
export interface Screen {
  run(read: ReadManifest): Promise<ReadManifest>;
  snapshot(read: ReadSnapshot): Promise<ReadSnapshot>;
  /** @param path absolute */
  delta(path: string): Promise<void>;
}

/** Undefined where nothing was ever forgotten. */
export async function openScreen(context: StoreContext): Promise<Screen | undefined> {
  const erasures = await readErasures(context);
  return erasures && screenFor(context, erasures);
}

function screenFor(context: StoreContext, { forgotten }: Erasures): Screen {
  const { catalog, files, paths } = context;

  /** Rewrites what is on the disk before anybody reads it. Done again from the start after a crash. */
  const clean = async (
    facts: TableFacts,
    found: Pick<TableFiles, 'runs' | 'snapshots' | 'sources'>,
  ): Promise<TableChange> => {
    const known = await catalog.table(facts.name);
    const subjectColumns = [...new Set([...facts.subjectColumns, ...(known?.subjectColumns ?? [])])];
    const table = { facts: { ...facts, subjectColumns }, collected: new Set<never>(), viewed: undefined };
    const change = await prepareTable(context, { ...table, ...found }, forgotten);
    await writeFiles(context, { format: 1, digests: [], changes: [change] });
    for (const path of change.removed) await files.remove(paths.absolute(path));
    return change;
  };

  return {
    async run(read) {
      const { manifest, schemas } = read;
      const sources = manifest.parts.map((part) => partSource(context, part, schemaOf(schemas, part)));
      const { runs } = await clean(factsOf(manifest, schemas), { runs: [manifest], snapshots: [], sources });
      const changed = runs[0] ?? manifest;
      await removeUnnamed(context, changed);
      return { ...read, manifest: changed };
    },
    async snapshot(read) {
      const { manifest, schemas } = read;
      const parts = manifest.partitions.flatMap((partition) => partition.parts);
      const sources = parts.map((part) => partSource(context, part, schemaOf(schemas, part)));
      const { snapshots } = await clean(factsOf(manifest, schemas), {
        runs: [],
        snapshots: [manifest],
        sources,
      });
      const [changed] = snapshots;
      if (changed === undefined) return read;
      const runs: RunManifest[] = [];
      for (const { path } of changed.ledger) runs.push(...(await readLedger(files, paths, path)));
      return { ...read, manifest: changed, runs };
    },
    async delta(path) {
      const { head, schemas } = await readDeltaHead(files, paths, path);
      const columns = schemas.get(head.schema) ?? { columns: [] };
      const relative = path.slice(paths.context.length + 1);
      const sources = [deltaSource(context, { run: head.run, path: relative, columns })];
      await clean(factsOf(head, schemas), { runs: [], snapshots: [], sources });
    },
  };
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
