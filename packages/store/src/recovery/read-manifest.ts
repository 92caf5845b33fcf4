import {
  type Files,
  HakiriError,
  isUlid,
  type PartEntry,
  parseArrowJson,
  type RunManifest,
  type SchemaFingerprint,
  type SnapshotManifest,
  type TableName,
  type TableSchema,
} from '@hakiri/core';
import { z } from 'zod';
import { type Layout, schemaFile } from '../disk/layout.ts';

const ulid = z.string().refine(isUlid, 'not a ULID');
const fingerprint = z.string().regex(/^[0-9a-f]{64}$/);
/** Inside the store: no path leads out of it. */
const relativePath = z.string().regex(/^tables\/(?!.*(?:^|\/)\.\.(?:\/|$))[^\0\\]+$/);

const mode = z.enum(['merge', 'append', 'replace']);
const part = z.strictObject({
  path: relativePath,
  rows: z.int().positive(),
  bytes: z.int().positive(),
  sha256: fingerprint,
  schema: fingerprint,
  key_range: z.tuple([z.string(), z.string()]).optional(),
  least_order: z.string().optional(),
});

const runManifest = z.strictObject({
  format: z.literal(1),
  run: ulid,
  job: ulid,
  node: ulid,
  table: z.string().regex(/^[a-z][a-z0-9_]*$/),
  mode,
  primary_key: z.array(z.string()),
  incremental: z.string().nullable(),
  // Missing in runs of the first version.
  subject_columns: z.array(z.string()).default([]),
  pipeline: z.string(),
  source_table: z.string(),
  parts: z.array(part),
  schema: fingerprint,
  schema_changes: z.array(z.string()),
  input_schema: fingerprint,
  cursor: z.strictObject({ before: z.string().nullable(), after: z.string().nullable() }),
  greatest_order: z.string().nullable(),
  delta: z.strictObject({ path: relativePath }).nullable().default(null),
  quarantine: z.strictObject({ path: relativePath, rows: z.int().positive() }).nullable(),
  lineage: z.strictObject({
    connector: z.string(),
    connectorVersion: z.string(),
    author: z.string(),
    componentHash: z.string().nullable(),
    manifestHash: z.string(),
  }),
  lease_generation: z.int().nonnegative(),
  started_at: z.string(),
  committed_at: z.string(),
});

const partitioning = z.union([
  z.strictObject({ kind: z.literal('by'), column: z.string() }),
  z.strictObject({ kind: z.literal('recent'), days: z.int().positive(), column: z.string() }),
]);

const snapshotManifest = z.strictObject({
  format: z.literal(1),
  snapshot: z.string(),
  node: ulid,
  table: z.string().regex(/^[a-z][a-z0-9_]*$/),
  parent: z.string().nullable(),
  mode,
  primary_key: z.array(z.string()),
  incremental: z.string().nullable(),
  subject_columns: z.array(z.string()),
  partitioning: partitioning.nullable(),
  boundary: z.string().nullable(),
  covers: z.array(ulid),
  horizon: z.string(),
  schema: fingerprint,
  greatest_order: z.string().nullable(),
  partitions: z.array(
    z.strictObject({
      partition: z.string(),
      parts: z.array(part),
      rows: z.int().nonnegative(),
      tombstones: z.int().nonnegative(),
      columns: z.record(z.string(), z.unknown()),
    }),
  ),
  ledger: z.array(z.strictObject({ path: relativePath, runs: z.int(), bytes: z.int(), sha256: fingerprint })),
  rows: z.int().nonnegative(),
  tombstones: z.int().nonnegative(),
  created_at: z.string(),
});

export interface ReadManifest {
  readonly manifest: RunManifest;
  readonly schemas: ReadonlyMap<SchemaFingerprint, TableSchema>;
}

export interface ReadSnapshot {
  readonly manifest: SnapshotManifest;
  readonly schemas: ReadonlyMap<SchemaFingerprint, TableSchema>;
  /** Covered runs as the ledger keeps them, parts left out. */
  readonly runs: readonly RunManifest[];
}

/**
 * Reads a run's manifest with every schema it names, and checks that its parts are there in full size.
 * @throws HakiriError store.damaged naming the file
 */
export async function readManifestFile(files: Files, paths: Layout, path: string): Promise<ReadManifest> {
  const manifest = parse(runManifest, await files.readText(path), path) as RunManifest;
  await requireParts(files, paths, manifest.parts);
  const names = [manifest.schema, manifest.input_schema, ...manifest.parts.map(({ schema }) => schema)];
  return { manifest, schemas: await readSchemas(files, paths, manifest.table, names) };
}

/**
 * Reads a snapshot's manifest with its schemas and the ledger of the runs it covers, and checks that its parts are
 * there in full size.
 * @throws HakiriError store.damaged naming the file
 */
export async function readSnapshotFile(files: Files, paths: Layout, path: string): Promise<ReadSnapshot> {
  const manifest = parse(snapshotManifest, await files.readText(path), path) as SnapshotManifest;
  const parts = manifest.partitions.flatMap((partition) => partition.parts);
  await requireParts(files, paths, parts);
  const runs: RunManifest[] = [];
  for (const { path: ledger } of manifest.ledger) runs.push(...(await readLedger(files, paths, ledger)));
  const names = [
    manifest.schema,
    ...parts.map(({ schema }) => schema),
    ...runs.flatMap((run) => [run.schema, run.input_schema]),
  ];
  return { manifest, runs, schemas: await readSchemas(files, paths, manifest.table, names) };
}

export async function readLedger(
  files: Files,
  paths: Layout,
  ledger: string,
): Promise<readonly RunManifest[]> {
  const lines = (await files.readText(paths.absolute(ledger))).split('\n').filter((line) => line !== '');
  return lines.map((line) => parse(runManifest, line, ledger) as RunManifest);
}

async function requireParts(files: Files, paths: Layout, parts: readonly PartEntry[]): Promise<void> {
  for (const { path, bytes } of parts) {
    const found = await files.stat(paths.absolute(path));
    if (found?.sizeBytes === bytes) continue;
    const fault = found ? 'not of the size in its manifest' : 'missing';
    throw new HakiriError('store.damaged', `${path} is ${fault}`, { details: { path } });
  }
}

async function readSchemas(
  files: Files,
  paths: Layout,
  table: TableName,
  names: readonly SchemaFingerprint[],
): Promise<ReadonlyMap<SchemaFingerprint, TableSchema>> {
  const schemas = new Map<SchemaFingerprint, TableSchema>();
  for (const name of new Set(names)) {
    schemas.set(name, parseArrowJson(await files.readText(paths.absolute(schemaFile(table, name)))));
  }
  return schemas;
}

function parse(schema: z.ZodType, text: string, path: string): unknown {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new HakiriError('store.damaged', `${path} is not a manifest`, { cause, details: { path } });
  }
}
