import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  type CatalogPart,
  type CatalogTable,
  orderKey,
  parseTypeName,
  quoteIdentifier,
  quoteLiteral,
  type RunId,
  runTimeValue,
  type SnapshotManifest,
  sqlType,
  type TableName,
} from '@hakiri/core';
import type { Engine } from '@hakiri/engine';
import { layout } from '@hakiri/store';
import { GITHUB_DECLARED } from './github-rows.ts';

const COLUMNS = Object.entries(GITHUB_DECLARED).map(([name, type]) => ({ name, type: parseTypeName(type) }));
const NAME = 'issues' as TableName;

export const benchRun = (n: number): RunId => `01JABCDEFGHJKMNPQRSTVW${1000 + n}` as RunId;

/** A table made of one snapshot, and runs and small writes after it, with a catalog held in memory. */
export async function keyedTable(root: string, engine: Engine, page: string, rows: number) {
  const paths = layout(root, 'bench');

  const part = async (run: RunId, path: string, where: string): Promise<CatalogPart> => {
    mkdirSync(dirname(paths.absolute(path)), { recursive: true });
    const copied = await engine.copy({
      select: `SELECT * EXCLUDE n, '${run}' AS _hakiri_run, n AS _hakiri_seq, false AS _hakiri_deleted,
        concat('2', epoch_us(updated_at::TIMESTAMP) + 4000000000000000000, '-00000000-${run}-', 1000000000 + n) AS _hakiri_order
        FROM (SELECT *, row_number() OVER () - 1 AS n FROM ${readPage(page)} WHERE ${where}) ORDER BY id`,
      output: paths.absolute(path),
      rowGroupRows: 10_240,
    });
    return { path, ...copied, schema: 's', columns: { columns: COLUMNS } };
  };

  const first = await part(benchRun(0), 'tables/issues/snapshot.parquet', `number < ${rows}`);
  let table: CatalogTable = {
    name: NAME,
    mode: 'merge',
    primaryKey: ['id'],
    incremental: 'updated_at',
    fingerprint: 's',
    schema: { columns: COLUMNS },
    greatestOrder: null,
    subjectColumns: [],
    lastRun: benchRun(0),
    lastCommit: '',
    setAside: 0,
    pipelines: [],
    snapshot: {
      manifest: {
        snapshot: 'first',
        covers: [benchRun(0)],
        horizon: '2000-01-01T00:00:00Z',
      } as unknown as SnapshotManifest,
      parts: [first],
    },
    newer: [],
    deltas: [],
  };
  return {
    paths,
    name: NAME,
    parquetBytes: first.bytes,
    catalog: { table: async () => table, runs: async () => [] },
    get table() {
      return table;
    },
    /** Rows as they will be read again a second later: each is newer than the one it replaces. */
    async commit(n: number, from: number, to: number): Promise<void> {
      const run = benchRun(n);
      const again = await part(run, `tables/issues/run-${n}.parquet`, `number >= ${from} AND number < ${to}`);
      table = { ...table, newer: [...table.newer, { ...again, run }] };
    },
    /** One write to the file of small writes. */
    write(n: number, seq: number, rows: readonly Readonly<Record<string, unknown>>[]): void {
      const run = benchRun(n);
      const path = 'tables/issues/delta.ndjson';
      if (table.deltas.length === 0) {
        writeFileSync(paths.absolute(path), '{"format":1}\n');
        table = { ...table, deltas: [{ run, path, columns: { columns: COLUMNS } }] };
      }
      const stored = rows.map((row, i) => ({
        ...row,
        _hakiri_run: run,
        _hakiri_seq: seq + i,
        _hakiri_deleted: false,
        _hakiri_order: orderKey(runTimeValue(run), { generation: 0, run }, seq + i),
      }));
      appendFileSync(
        paths.absolute(path),
        `${JSON.stringify({ at: '2026-01-01T00:00:00Z', rows: stored })}\n`,
      );
    },
  };
}

export type KeyedTable = Awaited<ReturnType<typeof keyedTable>>;

function readPage(page: string): string {
  const types = COLUMNS.map(({ name, type }) => `${quoteLiteral(name)}: ${quoteLiteral(sqlType(type))}`);
  const names = COLUMNS.map(({ name }) => quoteIdentifier(name)).join(', ');
  return `(SELECT ${names} FROM read_json(${quoteLiteral(page)}, format='newline_delimited', columns={${types.join(', ')}}))`;
}
