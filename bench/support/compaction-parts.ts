/**
 * Run parts as ingestion leaves them: the first half of the runs brings each key once, in order; the second half
 * changes every key once more, scattered. Arguments: pages, folder, rows, runs.
 */
import { DuckDBInstance } from '@duckdb/node-api';
import { orderKeySql, type RunId } from '@hakiri/core';
import { GITHUB_COLUMNS, PAGE_ROWS } from './github-rows.ts';

const [pages = '', folder = '', rowsText = '', runsText = ''] = process.argv.slice(2);
const [rows, runs] = [Number(rowsText), Number(runsText)];
const instance = await DuckDBInstance.create(':memory:', { threads: '1', preserve_insertion_order: 'false' });
const connection = await instance.connect();
const columns = Object.entries(GITHUB_COLUMNS).map(([name, type]) => `'${name}': '${type}'`);
const keys = rows / 2;
for (let i = 0; i < runs; i++) {
  const [from, to] = [(rows / runs) * i, (rows / runs) * (i + 1)];
  const run = `01JABCDEFGHJKMNPQRSTVW${1000 + i}` as RunId;
  const read = Array.from(
    { length: Math.floor((to - 1) / PAGE_ROWS) - Math.floor(from / PAGE_ROWS) + 1 },
    (_, n) => `'${pages}/page-${String(Math.floor(from / PAGE_ROWS) + n).padStart(3, '0')}.ndjson'`,
  );
  const order = orderKeySql(
    { sql: 'updated_at', type: { kind: 'string' }, whenNull: `'0'` },
    { generation: 0, run },
    '_hakiri_seq',
  );
  await connection.run(
    `COPY (SELECT *, ${order} AS _hakiri_order FROM (
       SELECT * EXCLUDE (key) REPLACE (key + 1000000000 AS id), 'repo-' || lpad((key % 100)::VARCHAR, 2, '0') AS repo,
         '${run}' AS _hakiri_run, number - ${from} AS _hakiri_seq, false AS _hakiri_deleted
       FROM (SELECT *, CASE WHEN number < ${keys} THEN number ELSE (number * 7919) % ${keys} END AS key
         FROM read_json([${read.join(', ')}], format='newline_delimited', columns={${columns.join(', ')}}))
       WHERE number >= ${from} AND number < ${to}))
     TO '${folder}/run-${String(i).padStart(3, '0')}.parquet' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 10240)`,
  );
}
