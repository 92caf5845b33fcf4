import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  type CatalogRunPart,
  type CatalogTable,
  type Column,
  type JsonValue,
  orderKey,
  PROVENANCE_COLUMNS,
  quoteIdentifier,
  quoteLiteral,
  type RunId,
  type RunManifest,
  runTimeValue,
  type SnapshotManifest,
  sqlType,
  type TableName,
  type TableSchema,
} from '@hakiri/core';
import type { Engine } from '@hakiri/engine';
import { layout } from '../../src/disk/layout.ts';
import { viewSelect } from '../../src/view/view-sql.ts';
import { schema } from './test-store.ts';

export interface TestRow {
  readonly values: Readonly<Record<string, JsonValue>>;
  readonly deleted?: boolean;
  /** Value part of the order; the run's time when left out. */
  readonly order?: string;
}

/** A ULID of a time, in milliseconds since 1970. */
export function runAt(ms: number): RunId {
  const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  let text = '';
  for (let rest = ms, i = 0; i < 10; i++, rest = Math.floor(rest / 32))
    text = digits.charAt(rest % 32) + text;
  return `${text}AAAAAAAAAAAAAAAA` as RunId;
}

/** A table of real parts, with a catalog that is only held in memory. */
export function rowsTable(
  root: string,
  engine: Engine,
  columns: Readonly<Record<string, string>>,
  primaryKey: readonly string[],
) {
  const paths = layout(root, 'test');
  const name = 'things' as TableName;
  const manifests: { readonly run: RunId; readonly parts: readonly unknown[] }[] = [];
  let files = 0;
  let table: CatalogTable = {
    name,
    mode: primaryKey.length === 0 ? 'append' : 'merge',
    primaryKey,
    incremental: null,
    fingerprint: 'f',
    schema: schema(columns),
    greatestOrder: null,
    subjectColumns: [],
    lastRun: runAt(0),
    lastCommit: '',
    setAside: 0,
    pipelines: [],
    snapshot: undefined,
    newer: [],
    deltas: [],
  };

  const stored = (run: RunId, rows: readonly TestRow[], firstSeq: number) =>
    rows.map(({ values, deleted = false, order = runTimeValue(run) }, i) => ({
      ...values,
      _hakiri_run: run,
      _hakiri_seq: firstSeq + i,
      _hakiri_deleted: deleted,
      _hakiri_order: orderKey(order, { generation: 0, run }, firstSeq + i),
    }));

  const copy = async (select: string) => {
    const path = `tables/${name}/part-${files++}.parquet`;
    mkdirSync(dirname(paths.absolute(path)), { recursive: true });
    const { rows, bytes, sha256 } = await engine.copy({
      select,
      output: paths.absolute(path),
      rowGroupRows: 10_240,
    });
    return { path, rows, bytes, sha256, schema: String(files), columns: table.schema };
  };

  return {
    paths,
    name,
    catalog: {
      table: async () => table,
      runs: async () => manifests as unknown as readonly RunManifest[],
    },
    get table() {
      return table;
    },
    set table(next: CatalogTable) {
      table = next;
    },
    async commit(run: RunId, rows: readonly TestRow[]): Promise<void> {
      const spool = join(root, `spool-${files}.ndjson`);
      mkdirSync(root, { recursive: true });
      writeFileSync(
        spool,
        stored(run, rows, 0)
          .map((row) => `${JSON.stringify(row)}\n`)
          .join(''),
      );
      const part = await copy(`SELECT * FROM ${readNdjson(spool, table.schema)}`);
      const parts: CatalogRunPart[] = part.rows > 0 ? [{ ...part, run }] : [];
      manifests.push({ run, parts });
      const newer = [...table.newer, ...parts].sort((a, b) => (a.run < b.run ? -1 : 1));
      table = { ...table, newer };
    },
    /** @returns the file, whose end may be torn */
    write(run: RunId, rows: readonly TestRow[], firstSeq: number): string {
      const path = `tables/${name}/${run}.ndjson`;
      const absolute = paths.absolute(path);
      if (!table.deltas.some((delta) => delta.run === run)) {
        mkdirSync(dirname(absolute), { recursive: true });
        writeFileSync(absolute, '{"format":1}\n');
        table = { ...table, deltas: [...table.deltas, { run, path, columns: table.schema }] };
      }
      const line = JSON.stringify({ at: '2026-01-01T00:00:00Z', rows: stored(run, rows, firstSeq) });
      appendFileSync(absolute, `${line}\n`);
      return absolute;
    },
    /** A file of small writes becomes the run of the same id. */
    async fold(): Promise<void> {
      for (const delta of table.deltas) {
        const only = { ...table, snapshot: undefined, newer: [], deltas: [delta] };
        const part = await copy(viewSelect(only, { path: paths.absolute, provenance: true, deleted: true }));
        manifests.push({ run: delta.run, parts: [part] });
        table = {
          ...table,
          deltas: table.deltas.filter(({ run }) => run !== delta.run),
          newer: [...table.newer, { ...part, run: delta.run }],
        };
      }
    },
    /** Merges the oldest `runs` runs into a snapshot; tombstones of runs before `horizonMs` are gone. */
    async compact(runs: number, horizonMs: number): Promise<void> {
      const covered = table.newer.slice(0, runs);
      const select = viewSelect(
        { ...table, newer: covered, deltas: [] },
        { path: paths.absolute, provenance: true, deleted: true },
      );
      const horizon = quoteLiteral(runAt(horizonMs).slice(0, 10));
      const part = await copy(
        `SELECT * FROM (${select}) WHERE NOT ("_hakiri_deleted" AND "_hakiri_run" < ${horizon})`,
      );
      const greatest = await engine.select(`SELECT max("_hakiri_order") FROM (${select})`);
      const parts = part.rows > 0 ? [part] : [];
      const covers = [...(table.snapshot?.manifest.covers ?? []), ...covered.map(({ run }) => run)];
      const manifest = {
        snapshot: `snapshot-${files}`,
        covers,
        horizon: new Date(horizonMs).toISOString(),
        greatest_order: greatest[0]?.[0] ?? null,
      } as unknown as SnapshotManifest;
      table = { ...table, snapshot: { manifest, parts }, newer: table.newer.slice(runs) };
    },
    /** Every row of the view: what a sidecar must agree with. */
    async rows(): Promise<readonly (readonly JsonValue[])[]> {
      return engine.select(viewSelect(table, { path: paths.absolute, provenance: true }));
    },
  };
}

export type RowsTable = ReturnType<typeof rowsTable>;

function readNdjson(path: string, { columns }: TableSchema): string {
  const types = [...columns, ...PROVENANCE_COLUMNS].map(
    ({ name, type }: Column) => `${quoteLiteral(name)}: ${quoteLiteral(sqlType(type))}`,
  );
  const names = [...columns, ...PROVENANCE_COLUMNS].map(({ name }) => quoteIdentifier(name)).join(', ');
  return `(SELECT ${names} FROM read_json(${quoteLiteral(path)}, format='newline_delimited', columns={${types.join(', ')}}))`;
}
