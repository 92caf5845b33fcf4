import {
  type CatalogDelta,
  type CatalogTable,
  type DeltaHead,
  type Files,
  greaterOrder,
  HakiriError,
  type JobId,
  type NodeId,
  type PartEntry,
  quoteIdentifier,
  quoteLiteral,
  type RunManifest,
  type TableName,
  type TableSchema,
  ulidTimeMs,
} from '@hakiri/core';
import { shortBounds, shortOrder } from '@hakiri/engine';
import { countBack } from '../commit/count-back.ts';
import { fingerprint } from '../commit/fingerprint.ts';
import { writeSchemas } from '../commit/write-schemas.ts';
import { syncUpTo, writeDurably } from '../disk/durable.ts';
import { deltaFolder, type Layout, MANIFEST_NAME, partName, runFolder } from '../disk/layout.ts';
import { readManifestFile } from '../recovery/read-manifest.ts';
import { sidecarTable } from '../sidecar-table.ts';
import type { StoreContext } from '../store-context.ts';
import { claim, isClaimed, release } from './claims.ts';
import { readDeltaHead } from './delta-file.ts';
import { deltaLines, deltaSelect } from './delta-sql.ts';

/** Small enough to hold a row group of wide rows in the child's memory. */
const ROW_GROUP_ROWS = 10_240;

/** A file of small writes is folded once it reaches any of these. */
export interface FoldLimits {
  readonly bytes: number;
  readonly rows: number;
  readonly ageMs: number;
}

export const FOLD_AT: FoldLimits = { bytes: 8 * 1024 * 1024, rows: 10_000, ageMs: 5 * 60_000 };

export type FoldContext = Omit<StoreContext, 'newRunId'>;

const folding = new Map<string, Promise<RunManifest>>();

/**
 * Makes a file of small writes the run that it is: one Parquet part, and a manifest under the file's own run id. A
 * crash at any point leaves the file as it was, or a run that is adopted; folding again gives the same run. Only
 * for the holder of the writer lock, and never while a small writer has the file open.
 * @throws HakiriError store.damaged, store.count_mismatch, internal when the file is open
 */
export async function foldDelta(
  context: FoldContext,
  table: Pick<CatalogTable, 'name'>,
  delta: CatalogDelta,
): Promise<RunManifest> {
  const path = context.paths.absolute(delta.path);
  const running = folding.get(path);
  if (running) return running;
  if (!claim(path)) throw new HakiriError('internal', `${delta.path} is still written to`);
  const started = fold(context, table.name, delta);
  folding.set(path, started);
  try {
    return await started;
  } finally {
    folding.delete(path);
    release(path);
  }
}

/** Whether a writer of this process may still add to the file. */
export const isOpen = (path: string): boolean => isClaimed(path) && !folding.has(path);

/**
 * Which files of small writes of this node are worth folding: every one but the newest, and the newest once it is
 * large or old. How many rows a file has only its writer knows.
 */
export async function deltasDue(
  { files, paths, node }: { readonly files: Files; readonly paths: Layout; readonly node: NodeId },
  table: Pick<CatalogTable, 'name' | 'deltas'>,
  nowMs: number,
  limits: FoldLimits = FOLD_AT,
): Promise<readonly CatalogDelta[]> {
  const due: CatalogDelta[] = [];
  const own = ownDeltas(table, node);
  for (const [i, delta] of own.entries()) {
    const path = paths.absolute(delta.path);
    if (isOpen(path)) continue;
    const sizeBytes = (await files.stat(path))?.sizeBytes ?? 0;
    const isOld = nowMs - ulidTimeMs(delta.run) >= limits.ageMs;
    if (i < own.length - 1 || isOld || sizeBytes >= limits.bytes) due.push(delta);
  }
  return due;
}

/** Those that this node may fold, oldest first. */
export function ownDeltas(
  { name, deltas }: Pick<CatalogTable, 'name' | 'deltas'>,
  node: NodeId,
): readonly CatalogDelta[] {
  return deltas.filter(({ path }) => path.startsWith(`${deltaFolder(name, node)}/`));
}

async function fold(context: FoldContext, table: TableName, delta: CatalogDelta): Promise<RunManifest> {
  const { files, catalog, paths } = context;
  const { head, schemas } = await readDeltaHead(files, paths, paths.absolute(delta.path));
  const folder = runFolder(table, delta.run, head.node);
  const place = paths.absolute(`${folder}/${MANIFEST_NAME}`);
  let manifest: RunManifest;
  if (await files.stat(place)) {
    const found = await readManifestFile(files, paths, place);
    manifest = found.manifest;
    // Whoever wrote it may not have got to flush its name.
    await files.syncFolder(paths.absolute(folder));
    await catalog.commitRun(manifest, found.schemas);
  } else {
    const held = { columns: delta.columns.columns.filter(({ type }) => type.kind !== 'undecided') };
    const all = new Map(schemas).set(fingerprint(held), held);
    manifest = await makeRun(context, delta, head, held, folder);
    await context.sidecars?.forRun(
      sidecarTable({ name: table, mode: head.mode, primaryKey: head.primary_key, schema: held }),
      manifest.parts.map((part) => ({ ...part, columns: held })),
    );
    await writeSchemas(context, table, all);
    await syncUpTo(files, paths.absolute(folder), paths.context);
    await writeDurably(files, place, `${JSON.stringify(manifest, null, 2)}\n`);
    // From here on the run is there: a crash now is mended by adopting the manifest.
    await catalog.commitRun(manifest, all);
  }
  const current = await catalog.table(table);
  if (current) await context.published(current);
  return manifest;
}

async function makeRun(
  context: FoldContext,
  delta: CatalogDelta,
  head: DeltaHead,
  held: TableSchema,
  folder: string,
): Promise<RunManifest> {
  const facts = await factsOf(context, delta);
  const part = await writePart(context, { delta, held, key: head.primary_key[0], folder, rows: facts.rows });
  return {
    format: 1,
    run: head.run,
    // No job pulled these rows: the run stands for it.
    job: head.run as string as JobId,
    node: head.node,
    table: head.table,
    mode: head.mode,
    primary_key: head.primary_key,
    incremental: head.incremental,
    subject_columns: head.subject_columns,
    pipeline: head.pipeline,
    source_table: head.table,
    parts: part ? [part.entry] : [],
    schema: head.schema,
    schema_changes: head.schema_changes,
    input_schema: head.schema,
    cursor: { before: null, after: null },
    greatest_order: greaterOrder(head.greatest_order, part?.greatestOrder ?? null),
    delta: { path: delta.path },
    quarantine: null,
    lineage: head.lineage,
    lease_generation: 0,
    started_at: head.started_at,
    committed_at: facts.lastAt ?? head.started_at,
  };
}

/** Read as the view reads it. */
async function factsOf(
  { engine, paths }: FoldContext,
  delta: CatalogDelta,
): Promise<{ readonly lastAt: string | null; readonly rows: number }> {
  const [facts = []] = await engine.select(
    `SELECT max("at"), coalesce(sum(len("rows")), 0)::BIGINT FROM ${deltaLines(delta.columns, paths.absolute(delta.path))} WHERE "rows" IS NOT NULL`,
  );
  const [lastAt, rows] = facts;
  return { lastAt: lastAt as string | null, rows: Number(rows) };
}

interface FoldedPart {
  readonly delta: CatalogDelta;
  readonly held: TableSchema;
  /** The first column of the primary key. */
  readonly key: string | undefined;
  readonly folder: string;
  readonly rows: number;
}

/** Undefined where there are no rows. */
async function writePart(
  context: FoldContext,
  { delta, held, key, folder, rows }: FoldedPart,
): Promise<{ readonly entry: PartEntry; readonly greatestOrder: string } | undefined> {
  const { files, engine, paths } = context;
  await files.makeFolder(paths.absolute(folder));
  if (rows === 0) return undefined;
  const path = `${folder}/${partName(0)}`;
  const output = paths.absolute(path);
  const select = deltaSelect({ schema: held }, delta, paths.absolute(delta.path));
  const { bytes, sha256 } = await engine.copy({
    select: `${select}\n    ORDER BY "_hakiri_seq"`,
    output,
    rowGroupRows: ROW_GROUP_ROWS,
  });
  await files.sync(output);
  const { least, greatestOrder, range } = await boundsOf(context, output, key);
  const entry: PartEntry = {
    path,
    rows,
    bytes,
    sha256,
    schema: fingerprint(held),
    ...(range ? { key_range: range } : {}),
    ...(least === undefined ? {} : { least_order: least }),
  };
  await countBack(context, entry);
  return { entry, greatestOrder };
}

async function boundsOf({ engine }: FoldContext, part: string, key: string | undefined) {
  const column = key === undefined ? 'NULL' : quoteIdentifier(key);
  const [bounds = []] = await engine.select(
    `SELECT min("_hakiri_order"), max("_hakiri_order"), min(${column})::VARCHAR, max(${column})::VARCHAR FROM read_parquet(${quoteLiteral(part)})`,
  );
  const [least, greatestOrder, min, max] = bounds.map((bound) =>
    bound === null ? undefined : String(bound),
  );
  return { least: shortOrder(least), greatestOrder: greatestOrder ?? '', range: shortBounds({ min, max }) };
}
