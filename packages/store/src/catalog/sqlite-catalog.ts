import { existsSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import {
  type AsOf,
  type Catalog,
  type CatalogDelta,
  type CatalogPart,
  type CatalogSnapshot,
  type CatalogTable,
  canonicalArrowJson,
  type DeltaHead,
  EMPTY_SCHEMA,
  HakiriError,
  type Job,
  type JobId,
  type NodeId,
  type PartEntry,
  type PipelineId,
  parseArrowJson,
  type RunId,
  type RunManifest,
  type SchemaFingerprint,
  type SnapshotId,
  type SnapshotManifest,
  type TableName,
  type TableSchema,
} from '@hakiri/core';
import { fingerprint } from '../commit/fingerprint.ts';
import { deltaFile } from '../disk/layout.ts';
import { SQLITE, sqliteCode } from '../disk/sqlite-code.ts';
import { momentOf, parseMoment, type RunFacts } from './as-of.ts';
import { mergedSchema } from './merged-schema.ts';
import { MIGRATIONS } from './migrations.ts';

/** How long a writer waits for another process's transaction. */
const BUSY_TIMEOUT_MS = 10_000;

/**
 * The catalog in `meta.sqlite`. A run's commit is one IMMEDIATE transaction with synchronous=FULL: on the disk
 * when the call returns. Opened to `read`, it may lie where nothing can be written; whoever writes after all gets
 * store.read_only.
 * @throws HakiriError store.catalog_lost when the file is not a catalog, store.newer_format, store.read_only
 */
export function openSqliteCatalog(path: string, access: 'write' | 'read' = 'write'): Catalog {
  const db = access === 'write' ? open(path) : openToRead(path);
  const all = (sql: string, ...values: (string | number | null)[]): Record<string, unknown>[] =>
    guarded(path, () => db.prepare(sql).all(...values) as Record<string, unknown>[]);
  const transaction = (work: () => void): void =>
    guarded(path, () => {
      db.exec('BEGIN IMMEDIATE');
      try {
        work();
        db.exec('COMMIT');
      } catch (error) {
        if (db.isTransaction) db.exec('ROLLBACK');
        throw error;
      }
    });

  /** Several reads of one state: another process may commit between any two statements. */
  const atOnce = <T>(read: () => T): T => {
    guarded(path, () => db.exec('BEGIN'));
    try {
      return read();
    } finally {
      guarded(path, () => db.exec('COMMIT'));
    }
  };

  const schemas = new Map<SchemaFingerprint, TableSchema>();
  const schemaOf = (fingerprint: SchemaFingerprint): TableSchema => {
    let schema = schemas.get(fingerprint);
    if (!schema) {
      const [row] = all('SELECT arrow_json FROM schemas WHERE fingerprint = ?', fingerprint);
      if (!row)
        throw new HakiriError('store.catalog_lost', `The catalog does not hold schema ${fingerprint}`);
      schema = parseArrowJson(String(row.arrow_json));
      schemas.set(fingerprint, schema);
    }
    return schema;
  };

  const snapshotsOf = (table: TableName): SnapshotManifest[] =>
    all('SELECT manifest FROM snapshots WHERE table_name = ? ORDER BY snapshot', table).map(
      (row) => JSON.parse(String(row.manifest)) as SnapshotManifest,
    );
  const openDeltas = (table: TableName): CatalogDelta[] =>
    all('SELECT run, node, schema FROM deltas WHERE table_name = ? ORDER BY run', table).map((row) => ({
      run: row.run as RunId,
      path: deltaFile(table, row.node as NodeId, row.run as RunId),
      columns: schemaOf(String(row.schema)),
    }));
  const withColumns = (part: PartEntry): CatalogPart => ({ ...part, columns: schemaOf(part.schema) });
  const atSnapshot = (manifest: SnapshotManifest | undefined): CatalogSnapshot | undefined =>
    manifest && { manifest, parts: manifest.partitions.flatMap(({ parts }) => parts.map(withColumns)) };

  const toTable = (row: Record<string, unknown>): CatalogTable => {
    const name = row.name as TableName;
    const newer = all(
      `SELECT path, parts.run, parts.rows, parts.bytes, sha256, schema, key_range, least_order FROM parts JOIN runs USING (run)
       WHERE runs.table_name = ? AND covered_by IS NULL ORDER BY parts.run, path`,
      name,
    );
    const [counted] = all(
      'SELECT coalesce(sum(set_aside), 0) AS set_aside FROM runs WHERE table_name = ?',
      name,
    );
    const [current] = all('SELECT manifest FROM snapshots WHERE snapshot = ?', row.snapshot as string | null);
    const fed = all('SELECT DISTINCT pipeline FROM runs WHERE table_name = ? ORDER BY pipeline', name);
    return {
      name,
      mode: row.mode as CatalogTable['mode'],
      primaryKey: JSON.parse(String(row.primary_key)) as string[],
      incremental: row.incremental as string | null,
      subjectColumns: JSON.parse(String(row.subject_columns)) as string[],
      fingerprint: String(row.schema),
      schema: schemaOf(String(row.schema)),
      greatestOrder: row.greatest_order as string | null,
      lastRun: row.last_run as RunId,
      lastCommit: String(row.last_commit),
      setAside: Number(counted?.set_aside ?? 0),
      pipelines: fed.map((r) => r.pipeline as PipelineId),
      snapshot: atSnapshot(current && (JSON.parse(String(current.manifest)) as SnapshotManifest)),
      newer: newer.map(({ key_range, least_order, ...part }) => ({
        ...(part as unknown as PartEntry & { readonly run: RunId }),
        ...(least_order === null ? {} : { least_order: String(least_order) }),
        ...(key_range === null ? {} : { key_range: JSON.parse(String(key_range)) as [string, string] }),
        columns: schemaOf(String(part.schema)),
      })),
      deltas: openDeltas(name),
    };
  };

  const placeOf = (asOf: AsOf): { time: string; seq: number | undefined } => {
    const moment = parseMoment(asOf);
    if ('time' in moment) return { time: moment.time, seq: undefined };
    const [row] = all('SELECT seq, committed_at FROM runs WHERE run = ?', moment.run);
    if (row) return { time: String(row.committed_at), seq: Number(row.seq) };
    throw new HakiriError('usage.unknown_name', `There is no run ${moment.run}`);
  };

  const tableAt = (name: TableName, asOf: AsOf): CatalogTable | undefined => {
    const [row] = all('SELECT * FROM tables WHERE name = ?', name);
    if (!row) return undefined;
    const facts = all(
      `SELECT run, seq, committed_at, covered_by, collected, manifest ->> 'started_at' AS started_at,
         (manifest -> 'delta') <> 'null' AS folded
       FROM runs WHERE table_name = ? ORDER BY seq`,
      name,
    ).map(
      (run): RunFacts => ({
        run: run.run as RunId,
        seq: Number(run.seq),
        startedAt: String(run.started_at),
        committedAt: String(run.committed_at),
        coveredBy: run.covered_by as SnapshotId | null,
        collected: run.collected === 1,
        folded: run.folded === 1,
      }),
    );
    const place = placeOf(asOf);
    const moment = momentOf(facts, snapshotsOf(name), place);
    const manifestOf = ({ run }: RunFacts): RunManifest => {
      const [found] = all('SELECT manifest FROM runs WHERE run = ?', run);
      return JSON.parse(String(found?.manifest)) as RunManifest;
    };
    const open = all('SELECT run FROM deltas WHERE table_name = ? AND started_at <= ?', name, place.time);
    const deltas = openDeltas(name).filter(({ run }) => open.some((started) => started.run === run));
    const runs = moment.runs.map(manifestOf);
    const unfolded = moment.unfolded.map(manifestOf);
    const held = [moment.snapshot, ...runs, ...unfolded].flatMap((of) => (of ? [schemaOf(of.schema)] : []));
    const [first, ...others] = [...held, ...deltas.map(({ columns }) => columns)];
    if (first === undefined) return undefined;
    const schema = others.reduce(
      (all, columns) => mergedSchema(all, { schema: columns, isNewest: true }),
      first,
    );
    return {
      ...toTable(row),
      fingerprint: fingerprint(schema),
      schema,
      snapshot: atSnapshot(moment.snapshot),
      newer: runs.flatMap(({ run, parts }) => parts.map((part) => ({ ...withColumns(part), run }))),
      deltas: [
        ...unfolded.map(({ run, delta, schema: held }) => ({
          run,
          path: delta?.path ?? '',
          columns: schemaOf(held),
          until: place.time,
        })),
        ...deltas.map((delta) => ({ ...delta, until: place.time })),
      ],
    };
  };

  return {
    async commitRun(manifest, known) {
      transaction(() => insertRun(db, manifest, known));
    },

    async runIds() {
      return new Set(all('SELECT run FROM runs').map((row) => row.run as RunId));
    },

    async runs(table) {
      return all('SELECT manifest FROM runs WHERE table_name = ? ORDER BY run', table).map(
        (row) => JSON.parse(String(row.manifest)) as RunManifest,
      );
    },

    async commitSnapshot(manifest, known) {
      transaction(() => insertSnapshot(db, manifest, known));
    },

    async snapshotIds() {
      return new Set(all('SELECT snapshot FROM snapshots').map((row) => row.snapshot as SnapshotId));
    },

    async snapshots(table) {
      return snapshotsOf(table);
    },

    async commitDelta(head, known) {
      transaction(() => insertDelta(db, head, known));
    },

    async tableAsOf(name, asOf) {
      return atOnce(() => tableAt(name, asOf));
    },

    async collect({ runs, snapshots }) {
      transaction(() => {
        for (const run of runs) {
          db.prepare('UPDATE runs SET collected = 1 WHERE run = ?').run(run);
          db.prepare('DELETE FROM parts WHERE run = ?').run(run);
        }
        for (const id of snapshots) db.prepare('DELETE FROM snapshots WHERE snapshot = ?').run(id);
      });
    },

    async coveredRuns(table) {
      return all(
        `SELECT run, covered_by, bytes FROM runs
         WHERE table_name = ? AND covered_by IS NOT NULL AND collected = 0 ORDER BY run`,
        table,
      ).map((row) => ({
        run: row.run as RunId,
        coveredBy: row.covered_by as SnapshotId,
        bytes: Number(row.bytes),
      }));
    },

    async collectedRuns(table) {
      const rows = all('SELECT run FROM runs WHERE table_name = ? AND collected = 1', table);
      return new Set(rows.map(({ run }) => run as RunId));
    },

    async retract(snapshot) {
      transaction(() => {
        db.prepare('DELETE FROM snapshots WHERE snapshot = ?').run(snapshot);
        db.prepare(
          `UPDATE tables SET snapshot = (SELECT max(snapshot) FROM snapshots WHERE table_name = name)
           WHERE snapshot = ?`,
        ).run(snapshot);
        db.prepare(
          `UPDATE runs SET covered_by = (
             SELECT min(snapshot) FROM snapshots, json_each(snapshots.manifest, '$.covers') AS covered
             WHERE snapshots.table_name = runs.table_name AND covered.value = runs.run)
           WHERE covered_by = ?`,
        ).run(snapshot);
      });
    },

    async rewrite({ runs, snapshots }) {
      transaction(() => {
        for (const manifest of runs) rewriteRun(db, manifest);
        for (const manifest of snapshots) {
          db.prepare('UPDATE snapshots SET manifest = ?, rows = ? WHERE snapshot = ?').run(
            JSON.stringify(manifest),
            manifest.rows,
            manifest.snapshot,
          );
        }
      });
      guarded(path, () => {
        db.exec('VACUUM');
        db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      });
    },

    async uncovered(table) {
      return all(
        'SELECT manifest FROM runs WHERE table_name = ? AND covered_by IS NULL ORDER BY run',
        table,
      ).map((row) => JSON.parse(String(row.manifest)) as RunManifest);
    },

    async tables() {
      return atOnce(() => all('SELECT * FROM tables ORDER BY name').map(toTable));
    },

    async table(name) {
      return atOnce(() => {
        const [row] = all('SELECT * FROM tables WHERE name = ?', name);
        return row && toTable(row);
      });
    },

    async cursor(pipeline, sourceTable) {
      const [row] = all(
        'SELECT * FROM cursors WHERE pipeline = ? AND source_table = ?',
        pipeline,
        sourceTable,
      );
      return (
        row && {
          cursor: row.cursor as string | null,
          inputSchema: schemaOf(String(row.input_schema)),
          run: row.run as RunId,
        }
      );
    },

    async schemaHistory(table) {
      return all('SELECT * FROM schema_history WHERE table_name = ? ORDER BY run', table).map((row) => ({
        run: row.run as RunId,
        fingerprint: String(row.fingerprint),
        changes: JSON.parse(String(row.changes)) as string[],
        at: String(row.at),
      }));
    },

    async startJob(job, pipeline, startedAt) {
      transaction(() => {
        db.prepare("INSERT INTO jobs (job, pipeline, state, started_at) VALUES (?, ?, 'running', ?)").run(
          job,
          pipeline,
          startedAt,
        );
      });
    },

    async endJob(job, pipeline, { state, endedAt, errorCode }) {
      transaction(() => {
        db.prepare(
          'UPDATE jobs SET state = ?, ended_at = ?, error_code = ? WHERE job = ? AND pipeline = ?',
        ).run(state, endedAt, errorCode, job, pipeline);
      });
    },

    async closeAbandonedJobs(endedAt) {
      let closed = 0;
      transaction(() => {
        const result = db
          .prepare(
            `UPDATE jobs SET ended_at = ?, error_code = 'interrupted',
               state = CASE WHEN EXISTS (SELECT 1 FROM runs WHERE runs.job = jobs.job AND runs.pipeline = jobs.pipeline)
                       THEN 'partial_failure' ELSE 'failed' END
             WHERE state = 'running'`,
          )
          .run(endedAt);
        closed = Number(result.changes);
      });
      return closed;
    },

    async jobs() {
      return all('SELECT * FROM jobs ORDER BY job DESC, pipeline').map((row) => ({
        job: row.job as JobId,
        pipeline: row.pipeline as PipelineId,
        state: row.state as Job['state'],
        startedAt: String(row.started_at),
        endedAt: row.ended_at as string | null,
        errorCode: row.error_code as string | null,
      }));
    },

    async close() {
      db.close();
    },
  };
}

function open(path: string): DatabaseSync {
  const isNew = !existsSync(path);
  return guarded(path, () => {
    const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true });
    try {
      const version = knownVersion(db, path);
      if (isNew || version < MIGRATIONS.length) migrate(db);
      // What is deleted leaves nothing of itself in the file's free pages.
      db.exec('PRAGMA synchronous = FULL; PRAGMA secure_delete = ON');
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  });
}

/** @throws HakiriError store.newer_format */
function knownVersion(db: DatabaseSync, path: string): number {
  const { user_version } = db.prepare('PRAGMA user_version').get() as { user_version: number };
  if (user_version <= MIGRATIONS.length) return user_version;
  throw new HakiriError(
    'store.newer_format',
    `The catalog ${path} has version ${user_version}; this Hakiri knows ${MIGRATIONS.length}`,
  );
}

/** As usual where that can be: a reader, too, takes in what the catalog does not know yet. */
function openToRead(path: string): DatabaseSync {
  try {
    return open(path);
  } catch (error) {
    if (!(error instanceof HakiriError) || error.code !== 'store.read_only') throw error;
    return guarded(path, () => openUnwritable(path, error));
  }
}

/**
 * SQLite reads a database with a write-ahead log only beside files it may create, unless it is told that nobody
 * changes the file. Where a log is left, that would not be true of it.
 */
function openUnwritable(path: string, refusal: HakiriError): DatabaseSync {
  const log = statSync(`${path}-wal`, { throwIfNoEntry: false });
  const location = log && log.size > 0 ? path : new URL(`${pathToFileURL(path).href}?immutable=1`);
  const db = new DatabaseSync(location, { readOnly: true });
  try {
    if (knownVersion(db, path) < MIGRATIONS.length) throw refusal;
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function migrate(db: DatabaseSync): void {
  db.exec('PRAGMA journal_mode = WAL');
  db.exec('BEGIN IMMEDIATE');
  // Another process may have migrated while we waited for the lock.
  const version = Number((db.prepare('PRAGMA user_version').get() as { user_version: number }).user_version);
  for (const batch of MIGRATIONS.slice(version)) db.exec(batch);
  db.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
  db.exec('COMMIT');
}

function insertRun(
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

function rewriteRun(db: DatabaseSync, manifest: RunManifest): void {
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

function insertDelta(
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

function insertSnapshot(
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

function guarded<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof HakiriError) throw error;
    switch (sqliteCode(error)) {
      case SQLITE.BUSY:
        throw new HakiriError('store.locked', 'Another process keeps the catalog busy', { cause: error });
      case SQLITE.FULL:
        throw new HakiriError('store.disk_full', `The disk filled up while writing ${path}`, {
          cause: error,
        });
      case SQLITE.READONLY:
      case SQLITE.CANTOPEN:
        throw new HakiriError('store.read_only', `The catalog ${path} cannot be opened for writing`, {
          cause: error,
        });
      case SQLITE.IOERR:
        throw new HakiriError('store.io', `The disk failed under the catalog ${path}`, { cause: error });
      case SQLITE.CORRUPT:
      case SQLITE.NOTADB:
        throw new HakiriError('store.catalog_lost', `The catalog ${path} is damaged`, { cause: error });
      default:
        throw new HakiriError(
          'store.catalog_lost',
          `The catalog ${path} does not hold what it should: ${(error as Error).message}`,
          {
            cause: error,
          },
        );
    }
  }
}
