import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type Catalog,
  EMPTY_SCHEMA,
  type JobId,
  type NodeId,
  type PipelineId,
  type RunId,
  type RunManifest,
  type SchemaFingerprint,
  type TableName,
  type TableSchema,
} from '@hakiri/core';
import { fingerprint } from '../../src/index.ts';

const ID: TableSchema = { columns: [{ name: 'id', type: { kind: 'int64' } }] };
const WIDER: TableSchema = { columns: [...ID.columns, { name: 'name', type: { kind: 'string' } }] };
const JOB = '01JABCDEFGHJKMNPQRSTVWXY00' as JobId;
const TABLE = 'things' as TableName;
const PIPELINE = 'p' as PipelineId;

const runId = (n: number): RunId => `01JABCDEFGHJKMNPQRSTVWXY${String(n).padStart(2, '0')}` as RunId;

function manifestOf(n: number, overrides: Partial<RunManifest> = {}): RunManifest {
  return {
    format: 1,
    run: runId(n),
    job: JOB,
    node: '01JABCDEFGHJKMNPQRSTVWXYZZ' as NodeId,
    table: TABLE,
    mode: 'merge',
    primary_key: ['id'],
    incremental: null,
    subject_columns: [],
    pipeline: PIPELINE,
    source_table: 'things',
    parts: [
      {
        path: `tables/things/${n}.parquet`,
        rows: n,
        bytes: 10,
        sha256: 'f'.repeat(64),
        schema: fingerprint(ID),
      },
    ],
    schema: fingerprint(ID),
    schema_changes: [],
    input_schema: fingerprint(ID),
    cursor: { before: null, after: `c${n}` },
    greatest_order: `o${n}`,
    delta: null,
    quarantine: null,
    lineage: {
      connector: 'file',
      connectorVersion: '1',
      author: 'hakiri',
      componentHash: null,
      manifestHash: 'x',
    },
    lease_generation: 0,
    started_at: '2026-01-01T00:00:00.000Z',
    committed_at: `2026-01-01T00:00:0${n % 10}.000Z`,
    ...overrides,
  };
}

const SCHEMAS: ReadonlyMap<SchemaFingerprint, TableSchema> = new Map(
  [ID, WIDER, EMPTY_SCHEMA].map((schema) => [fingerprint(schema), schema] as const),
);

/** What every catalog does, whatever it is made of. */
export function catalogConformance(name: string, open: () => Promise<Catalog>): void {
  describe(`catalog: ${name}`, () => {
    test('is empty at first', async () => {
      const catalog = await open();
      assert.deepEqual(await catalog.tables(), []);
      assert.equal(await catalog.table(TABLE), undefined);
      assert.equal(await catalog.cursor(PIPELINE, 'things'), undefined);
      assert.equal((await catalog.runIds()).size, 0);
      await catalog.close();
    });

    test('holds a run with its parts, cursor and schemas', async () => {
      const catalog = await open();
      await catalog.commitRun(manifestOf(1), SCHEMAS);
      const table = await catalog.table(TABLE);
      assert.equal(table?.lastRun, runId(1));
      assert.deepEqual(table?.schema, ID);
      assert.deepEqual(
        table?.newer.map(({ path, rows, columns }) => [path, rows, columns]),
        [['tables/things/1.parquet', 1, ID]],
      );
      assert.deepEqual(table?.pipelines, [PIPELINE]);
      assert.deepEqual(await catalog.cursor(PIPELINE, 'things'), {
        cursor: 'c1',
        inputSchema: ID,
        run: runId(1),
      });
      assert.deepEqual(await catalog.runs(TABLE), [manifestOf(1)]);
      await catalog.close();
    });

    test('takes the same run once', async () => {
      const catalog = await open();
      await catalog.commitRun(manifestOf(1), SCHEMAS);
      await catalog.commitRun(manifestOf(1), SCHEMAS);
      assert.equal((await catalog.runs(TABLE)).length, 1);
      assert.equal((await catalog.table(TABLE))?.newer.length, 1);
      await catalog.close();
    });

    test('a run taken in late moves neither cursor nor schema back', async () => {
      const catalog = await open();
      const newer = manifestOf(5, { schema: fingerprint(WIDER), schema_changes: ['+ column name string'] });
      await catalog.commitRun(newer, SCHEMAS);
      await catalog.commitRun(manifestOf(2), SCHEMAS);
      const table = await catalog.table(TABLE);
      assert.equal(table?.lastRun, runId(5));
      assert.deepEqual(table?.schema, WIDER);
      assert.equal(table?.greatestOrder, 'o5');
      assert.deepEqual(
        table?.newer.map(({ run }) => run),
        [runId(2), runId(5)],
      );
      assert.equal((await catalog.cursor(PIPELINE, 'things'))?.cursor, 'c5');
      assert.deepEqual(
        (await catalog.schemaHistory(TABLE)).map(({ changes }) => changes),
        [['+ column name string']],
      );
      await catalog.close();
    });

    test('keeps tables apart, each with what was set aside', async () => {
      const catalog = await open();
      const other = 'others' as TableName;
      await catalog.commitRun(
        manifestOf(1, { quarantine: { path: 'tables/things/q.ndjson', rows: 3 } }),
        SCHEMAS,
      );
      await catalog.commitRun(
        manifestOf(2, {
          table: other,
          source_table: 'others',
          parts: [],
          quarantine: { path: 'tables/others/q.ndjson', rows: 4 },
        }),
        SCHEMAS,
      );
      assert.deepEqual(
        (await catalog.tables()).map((table) => [table.name, table.setAside, table.newer.length]),
        [
          [other, 4, 0],
          [TABLE, 3, 1],
        ],
      );
      await catalog.close();
    });

    test('of the jobs of a pipeline the last thousand are kept', async () => {
      const catalog = await open();
      const jobId = (n: number): JobId => `01JABCDEFGHJKMNPQRSTVW${String(n).padStart(4, '0')}` as JobId;
      const started = '2026-01-01T00:00:00.000Z';
      const ended = '2026-01-02T00:00:00.000Z';
      const other = 'other' as PipelineId;
      for (let n = 1; n <= 1002; n++) await catalog.startJob(jobId(n), PIPELINE, started);
      await catalog.startJob(jobId(1), other, started);
      await catalog.closeAbandonedJobs(ended);
      await catalog.startJob(jobId(0), PIPELINE, started);
      await catalog.startJob(jobId(1003), PIPELINE, started);
      await catalog.endJob(jobId(1003), PIPELINE, { state: 'done', endedAt: ended, errorCode: null });
      const jobs = await catalog.jobs();
      const own = jobs.filter(({ pipeline }) => pipeline === PIPELINE).map(({ job }) => job);
      // The first one still runs.
      assert.equal(own.length, 1001);
      assert.deepEqual([own[0], own[999], own[1000]], [jobId(1003), jobId(4), jobId(0)]);
      assert.equal(jobs.length, 1002);
      await catalog.close();
    });

    test('a job that was never ended is closed by what it committed', async () => {
      const catalog = await open();
      const ended = '2026-01-02T00:00:00.000Z';
      const second = '01JABCDEFGHJKMNPQRSTVWXY01' as JobId;
      const third = '01JABCDEFGHJKMNPQRSTVWXY02' as JobId;
      for (const job of [JOB, second, third])
        await catalog.startJob(job, PIPELINE, '2026-01-01T00:00:00.000Z');
      await catalog.endJob(third, PIPELINE, { state: 'done', endedAt: ended, errorCode: null });
      await catalog.commitRun(manifestOf(1), SCHEMAS);
      assert.equal(await catalog.closeAbandonedJobs(ended), 2);
      assert.deepEqual(
        (await catalog.jobs()).map(({ job, state, errorCode }) => [job, state, errorCode]),
        [
          [third, 'done', null],
          [second, 'failed', 'interrupted'],
          [JOB, 'partial_failure', 'interrupted'],
        ],
      );
      assert.equal(await catalog.closeAbandonedJobs(ended), 0);
      await catalog.close();
    });
  });
}
