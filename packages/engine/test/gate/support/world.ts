import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { quoteLiteral } from '@hakiri/core';
import type { Engine, Session, SessionRelation } from '../../../src/index.ts';

/** Text that must never be in an answer. */
export const CANARY = 'canary-6f1d';

const PROVENANCE = `'01JABCDEFGHJKMNPQRSTVW' || (1000 + n % 3) AS _hakiri_run, n AS _hakiri_seq, false AS _hakiri_deleted, 'o' || n AS _hakiri_order`;

const TABLES: Readonly<Record<string, { readonly select: string; readonly columns: string }>> = {
  tickets: {
    columns:
      'id, account_id, subject, body, status, priority, created_at, updated_at, tags, meta, "user", amount, score',
    select: `SELECT n AS id, (n % 4)::INTEGER AS account_id,
      CASE n % 3 WHEN 0 THEN 'Memory leak ' || n WHEN 1 THEN 'crash on save' END AS subject,
      'body of ' || n AS body, CASE WHEN n % 2 = 0 THEN 'open' ELSE 'closed' END AS status, (n % 3 + 1)::INTEGER AS priority,
      TIMESTAMP '2024-01-01' + to_days(n::INTEGER) AS created_at, TIMESTAMPTZ '2024-01-01 12:00:00Z' + to_hours(n) AS updated_at,
      CASE WHEN n % 2 = 0 THEN ['crash', 'n' || n] ELSE [] END AS tags,
      ('{"browser":"b' || n || '","os":{"name":"linux"}}')::JSON AS meta, {'login': 'u' || n % 3, 'id': n} AS "user",
      (n * 1.25)::DECIMAL(10,2) AS amount, CASE WHEN n % 5 > 0 THEN n / 7 END AS score`,
  },
  accounts: {
    columns: 'id, name, region, risk',
    select: `SELECT n::INTEGER AS id, 'account ' || n AS name, CASE WHEN n % 2 = 0 THEN 'EU' ELSE 'US' END AS region, n / 4 AS risk`,
  },
  prices: {
    columns: 'ticker, ts, price',
    select: `SELECT 't' || n % 2 AS ticker, TIMESTAMP '2024-01-01' + to_hours(n) AS ts, (n * 1.5)::DECIMAL(9,2) AS price`,
  },
  quotes: {
    columns: 'ticker, ts',
    select: `SELECT 't' || n % 2 AS ticker, TIMESTAMP '2024-01-01 00:30:00' + to_hours(n) AS ts`,
  },
};

const ROWS: Readonly<Record<string, number>> = { tickets: 12, accounts: 5, prices: 8, quotes: 6 };

export const KEYS: Readonly<Record<string, { readonly key: readonly string[] }>> = {
  tickets: { key: ['id'] },
  accounts: { key: ['id'] },
  prices: { key: ['ticker', 'ts'] },
  quotes: { key: [] },
};

export const HITS: SessionRelation = {
  name: 'hits',
  columns: [
    { name: 'id', type: { kind: 'int64' } },
    { name: '_score', type: { kind: 'double' } },
    { name: '_rank', type: { kind: 'int32' } },
  ],
  rows: [
    [7, 0.9, 1],
    [2, 0.8, 2],
    [3, 0.5, 3],
  ],
};

export interface GateWorld {
  readonly folder: string;
  /** A file that no session may open; its text is the canary. */
  readonly secret: string;
  /** Parts of a table that is not in the session, and of one that is. */
  readonly hiddenPart: string;
  readonly ownPart: string;
  /** What a session over all tables takes. */
  session(sql: string, options?: { readonly provenance?: boolean }): Session;
}

/** Tables of a store as a session sees them: views over Parquet. Beside them lies what must not be seen. */
export async function gateWorld(engine: Engine, t?: TestContext): Promise<GateWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'hakiri-gate-'));
  t?.after(() => rm(folder, { recursive: true, force: true }));
  const part = (name: string) => join(folder, `${name}.parquet`);
  for (const [name, { select }] of Object.entries(TABLES)) {
    await engine.copy({
      select: `SELECT *, ${PROVENANCE} FROM (${select}, n FROM range(${ROWS[name]}) r(n))`.replace(
        'SELECT *,',
        'SELECT * EXCLUDE (n),',
      ),
      output: part(name),
      rowGroupRows: 2048,
    });
  }
  await engine.copy({ select: `SELECT '${CANARY}' AS value`, output: part('hidden'), rowGroupRows: 2048 });
  const secret = join(folder, 'secret.csv');
  await writeFile(secret, `value\n${CANARY}\n`);
  return {
    folder,
    secret,
    hiddenPart: part('hidden'),
    ownPart: part('tickets'),
    session: (sql, { provenance = false } = {}) => ({
      sql,
      relations: [HITS],
      views: Object.entries(TABLES).map(
        ([name, { columns }]) =>
          `CREATE OR REPLACE VIEW "${name}" AS SELECT ${provenance ? '*' : columns} FROM read_parquet([${quoteLiteral(part(name))}], hive_partitioning=false);`,
      ),
      allowedPaths: Object.keys(TABLES).map(part),
    }),
  };
}
