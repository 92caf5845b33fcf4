import {
  type AsOf,
  type Catalog,
  type CatalogDelta,
  type CatalogPart,
  type CatalogSnapshot,
  type CatalogTable,
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
import { momentOf, parseMoment, type RunFacts } from './as-of.ts';
import { guarded, openDatabase, versionCheck } from './database.ts';
import { JOBS_KEPT } from './jobs-kept.ts';
import { mergedSchema } from './merged-schema.ts';
import { insertDelta, insertRun, insertSnapshot, rewriteRun } from './record.ts';

/**
 * The catalog in `meta.sqlite`. A run's commit is one IMMEDIATE transaction with synchronous=FULL: on the disk
 * when the call returns. Opened to `read`, it may lie where nothing can be written; whoever writes after all gets
 * store.read_only.
 * @throws HakiriError store.catalog_lost when the file is not a catalog, store.newer_format, store.read_only
 */
export function openSqliteCatalog(path: string, access: 'write' | 'read' = 'write'): Catalog {
  const db = openDatabase(path, access);
  const requireOwnVersion = versionCheck(db, path);
  const all = (sql: string, ...values: (string | number | null)[]): Record<string, unknown>[] =>
    guarded(path, () => db.prepare(sql).all(...values) as Record<string, unknown>[]);
  const transaction = (work: () => void): void =>
    guarded(path, () => {
      db.exec('BEGIN IMMEDIATE');
      try {
        requireOwnVersion();
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
      guarded(path, requireOwnVersion);
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

    async drop(runs) {
      transaction(() => {
        const statement = db.prepare('DELETE FROM runs WHERE run = ? AND collected = 1');
        for (const run of runs) statement.run(run);
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
        db.prepare(
          `DELETE FROM jobs WHERE pipeline = ? AND state <> 'running' AND job NOT IN
             (SELECT job FROM jobs WHERE pipeline = ? ORDER BY job DESC LIMIT ?)`,
        ).run(pipeline, pipeline, JOBS_KEPT);
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
