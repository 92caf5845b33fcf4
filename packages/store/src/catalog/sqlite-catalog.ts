import { existsSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import {
  type Catalog,
  type CatalogPart,
  type CatalogTable,
  canonicalArrowJson,
  HakiriError,
  type Job,
  type JobId,
  type PipelineId,
  parseArrowJson,
  type RunId,
  type RunManifest,
  type SchemaFingerprint,
  type TableName,
  type TableSchema,
} from '@hakiri/core';
import { SQLITE, sqliteCode } from '../disk/sqlite-code.ts';
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

  const toTable = (row: Record<string, unknown>): CatalogTable => {
    const name = row.name as TableName;
    const parts = all(
      'SELECT path, run, rows, bytes, sha256, schema FROM parts WHERE table_name = ? ORDER BY run, path',
      name,
    );
    const [counted] = all(
      'SELECT coalesce(sum(set_aside), 0) AS set_aside FROM runs WHERE table_name = ?',
      name,
    );
    const fed = all('SELECT DISTINCT pipeline FROM runs WHERE table_name = ? ORDER BY pipeline', name);
    return {
      name,
      mode: row.mode as CatalogTable['mode'],
      primaryKey: JSON.parse(String(row.primary_key)) as string[],
      incremental: row.incremental as string | null,
      fingerprint: String(row.schema),
      schema: schemaOf(String(row.schema)),
      greatestOrder: row.greatest_order as string | null,
      lastRun: row.last_run as RunId,
      lastCommit: String(row.last_commit),
      setAside: Number(counted?.set_aside ?? 0),
      pipelines: fed.map((r) => r.pipeline as PipelineId),
      parts: parts.map((part) => ({
        ...(part as unknown as Omit<CatalogPart, 'columns'>),
        columns: schemaOf(String(part.schema)),
      })),
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

    async tables() {
      return all('SELECT * FROM tables ORDER BY name').map(toTable);
    },

    async table(name) {
      const [row] = all('SELECT * FROM tables WHERE name = ?', name);
      return row && toTable(row);
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
      db.exec('PRAGMA synchronous = FULL');
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
  for (const [fingerprint, schema] of schemas) {
    db.prepare('INSERT INTO schemas VALUES (?, ?) ON CONFLICT DO NOTHING').run(
      fingerprint,
      canonicalArrowJson(schema),
    );
  }
  const sum = (of: 'rows' | 'bytes') => manifest.parts.reduce((total, part) => total + part[of], 0);
  db.prepare('INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)').run(
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
  );
  for (const part of manifest.parts) {
    db.prepare('INSERT INTO parts VALUES (?, ?, ?, ?, ?, ?, ?)').run(
      part.path,
      table,
      run,
      part.rows,
      part.bytes,
      part.sha256,
      part.schema,
    );
  }
  db.prepare(
    `INSERT INTO tables VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (name) DO UPDATE SET mode = excluded.mode, primary_key = excluded.primary_key, incremental = excluded.incremental,
       schema = excluded.schema, greatest_order = excluded.greatest_order, last_run = excluded.last_run, last_commit = excluded.last_commit
     WHERE excluded.last_run > last_run`,
  ).run(
    table,
    manifest.mode,
    JSON.stringify(manifest.primary_key),
    manifest.incremental,
    manifest.schema,
    manifest.greatest_order,
    run,
    manifest.committed_at,
  );
  db.prepare(
    `INSERT INTO cursors VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (pipeline, source_table) DO UPDATE SET cursor = excluded.cursor, input_schema = excluded.input_schema, run = excluded.run
     WHERE excluded.run > run`,
  ).run(manifest.pipeline, manifest.source_table, manifest.cursor.after, manifest.input_schema, run);
  if (manifest.schema_changes.length > 0) {
    db.prepare('INSERT INTO schema_history VALUES (?, ?, ?, ?, ?)').run(
      table,
      run,
      manifest.schema,
      JSON.stringify(manifest.schema_changes),
      manifest.committed_at,
    );
  }
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
