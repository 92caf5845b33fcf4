import type { DatabaseSync } from 'node:sqlite';
import {
  canonicalArrowJson,
  type DeltaHead,
  EMPTY_SCHEMA,
  parseArrowJson,
  type RunManifest,
  type SchemaFingerprint,
  type SnapshotManifest,
  type TableSchema,
} from '@hakiri/core';
import { fingerprint } from '../commit/fingerprint.ts';
import { mergedSchema } from './merged-schema.ts';

export function insertRun(
  db: DatabaseSync,
  manifest: RunManifest,
  schemas: ReadonlyMap<SchemaFingerprint, TableSchema>,
): void {
  const { run, table } = manifest;
  if (db.prepare('SELECT 1 FROM runs WHERE run = ?').get(run)) return;
  insertSchemas(db, schemas);
  const sum = (of: 'rows' | 'bytes') => manifest.parts.reduce((total, part) => total + part[of], 0);
  db.prepare(
    `INSERT INTO runs (run, table_name, job, node, pipeline, source_table, rows, bytes, set_aside, committed_at, manifest, seq, covered_by)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, (SELECT coalesce(max(seq), 0) + 1 FROM runs),
       (SELECT min(snapshot) FROM snapshots, json_each(snapshots.manifest, '$.covers') AS covered
        WHERE table_name = ? AND covered.value = ?))`,
  ).run(
    run,
    table,
    manifest.job,
    manifest.node,
    manifest.pipeline,
    manifest.source_table,
    sum('rows'),
    sum('bytes'),
    manifest.quarantine?.rows ?? 0,
    manifest.committed_at,
    JSON.stringify(manifest),
    table,
    run,
  );
  insertParts(db, manifest);
  db.prepare('DELETE FROM deltas WHERE run = ?').run(run);
  upsertTable(db, { ...manifest, last_commit: manifest.committed_at });
  // A fold moves no cursor: nothing was pulled.
  if (manifest.delta === null) {
    db.prepare(
      `INSERT INTO cursors VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (pipeline, source_table) DO UPDATE SET cursor = excluded.cursor, input_schema = excluded.input_schema, run = excluded.run
       WHERE excluded.run > run`,
    ).run(manifest.pipeline, manifest.source_table, manifest.cursor.after, manifest.input_schema, run);
  }
  insertHistory(db, manifest, manifest.committed_at);
}

function insertSchemas(db: DatabaseSync, schemas: ReadonlyMap<SchemaFingerprint, TableSchema>): void {
  for (const [fingerprint, schema] of schemas) {
    db.prepare('INSERT INTO schemas VALUES (?, ?) ON CONFLICT DO NOTHING').run(
      fingerprint,
      canonicalArrowJson(schema),
    );
  }
}

function insertParts(db: DatabaseSync, { run, table, parts }: RunManifest): void {
  for (const part of parts) {
    db.prepare('INSERT INTO parts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)').run(
      part.path,
      table,
      run,
      part.rows,
      part.bytes,
      part.sha256,
      part.schema,
      part.key_range === undefined ? null : JSON.stringify(part.key_range),
      part.least_order ?? null,
    );
  }
}

export function rewriteRun(db: DatabaseSync, manifest: RunManifest): void {
  const rows = manifest.parts.reduce((total, part) => total + part.rows, 0);
  const bytes = manifest.parts.reduce((total, part) => total + part.bytes, 0);
  const before = db.prepare('SELECT manifest, collected FROM runs WHERE run = ?').get(manifest.run);
  if (!before) return;
  db.prepare('UPDATE runs SET manifest = ?, rows = ?, bytes = ?, set_aside = ? WHERE run = ?').run(
    JSON.stringify(manifest),
    rows,
    bytes,
    manifest.quarantine?.rows ?? 0,
    manifest.run,
  );
  db.prepare('DELETE FROM parts WHERE run = ?').run(manifest.run);
  if (before.collected === 0) insertParts(db, manifest);
  db.prepare('UPDATE cursors SET cursor = ? WHERE run = ?').run(manifest.cursor.after, manifest.run);
  const { greatest_order: order } = JSON.parse(String(before.manifest)) as RunManifest;
  db.prepare('UPDATE tables SET greatest_order = ? WHERE name = ? AND greatest_order = ?').run(
    manifest.greatest_order,
    manifest.table,
    order,
  );
}

/** The newest run, folded or not, says what the table is; its columns are those of every run. */
function upsertTable(
  db: DatabaseSync,
  from: Pick<
    RunManifest,
    'table' | 'mode' | 'primary_key' | 'incremental' | 'subject_columns' | 'schema' | 'greatest_order' | 'run'
  > & { readonly last_commit: string },
): void {
  const schema = columnsWith(db, from);
  db.prepare(
    `INSERT INTO tables (name, mode, primary_key, incremental, schema, greatest_order, last_run, last_commit, subject_columns)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (name) DO UPDATE SET mode = excluded.mode, primary_key = excluded.primary_key, incremental = excluded.incremental,
       last_run = excluded.last_run,
       last_commit = excluded.last_commit, subject_columns = excluded.subject_columns
     WHERE excluded.last_run >= last_run`,
  ).run(
    from.table,
    from.mode,
    JSON.stringify(from.primary_key),
    from.incremental,
    schema,
    from.greatest_order,
    from.run,
    from.last_commit,
    JSON.stringify(from.subject_columns),
  );
  db.prepare('UPDATE tables SET schema = ? WHERE name = ?').run(schema, from.table);
  // Also of a run that came late: a row without a value counts as new as the newest there is.
  db.prepare(
    `UPDATE tables SET greatest_order = ?1 WHERE name = ?2 AND ?1 > coalesce(greatest_order, '')`,
  ).run(from.greatest_order, from.table);
}

function columnsWith(
  db: DatabaseSync,
  { table, run, schema }: Pick<RunManifest, 'table' | 'run' | 'schema'>,
): SchemaFingerprint {
  const [have] = db.prepare('SELECT schema, last_run FROM tables WHERE name = ?').all(table);
  if (have === undefined || have.schema === schema) return schema;
  const read = (name: unknown): TableSchema => {
    const [row] = db.prepare('SELECT arrow_json FROM schemas WHERE fingerprint = ?').all(String(name));
    return row === undefined ? EMPTY_SCHEMA : parseArrowJson(String(row.arrow_json));
  };
  const isNewest = run >= String(have.last_run);
  const merged = mergedSchema(read(have.schema), { schema: read(schema), isNewest });
  insertSchemas(db, new Map([[fingerprint(merged), merged]]));
  return fingerprint(merged);
}

function insertHistory(
  db: DatabaseSync,
  { table, run, schema, schema_changes }: Pick<RunManifest, 'table' | 'run' | 'schema' | 'schema_changes'>,
  at: string,
): void {
  if (schema_changes.length === 0) return;
  db.prepare('INSERT INTO schema_history VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING').run(
    table,
    run,
    schema,
    JSON.stringify(schema_changes),
    at,
  );
}

export function insertDelta(
  db: DatabaseSync,
  head: DeltaHead,
  schemas: ReadonlyMap<SchemaFingerprint, TableSchema>,
): void {
  if (db.prepare('SELECT 1 FROM runs WHERE run = ?').get(head.run)) return;
  insertSchemas(db, schemas);
  db.prepare('INSERT INTO deltas VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING').run(
    head.run,
    head.table,
    head.node,
    head.schema,
    head.started_at,
  );
  upsertTable(db, { ...head, last_commit: head.started_at });
  insertHistory(db, head, head.started_at);
}

export function insertSnapshot(
  db: DatabaseSync,
  manifest: SnapshotManifest,
  schemas: ReadonlyMap<SchemaFingerprint, TableSchema>,
): void {
  const { snapshot, table } = manifest;
  if (db.prepare('SELECT 1 FROM snapshots WHERE snapshot = ?').get(snapshot)) return;
  insertSchemas(db, schemas);
  db.prepare('INSERT INTO snapshots VALUES (?, ?, ?, ?, ?)').run(
    snapshot,
    table,
    manifest.rows,
    manifest.created_at,
    JSON.stringify(manifest),
  );
  db.prepare('UPDATE tables SET snapshot = ? WHERE name = ? AND (snapshot IS NULL OR snapshot < ?)').run(
    snapshot,
    table,
    snapshot,
  );
  const cover = db.prepare(
    'UPDATE runs SET covered_by = ?1 WHERE run = ?2 AND (covered_by IS NULL OR covered_by > ?1)',
  );
  for (const run of manifest.covers) cover.run(snapshot, run);
}
