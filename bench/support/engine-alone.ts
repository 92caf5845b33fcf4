/** The reference: the engine converts the same pages by itself, columns known, one thread. Arguments: pages, output. */
import { DuckDBInstance } from '@duckdb/node-api';
import { GITHUB_COLUMNS } from './github-rows.ts';

const [pages, output] = process.argv.slice(2);
const columns = Object.entries(GITHUB_COLUMNS).map(([name, type]) => `'${name}': '${type}'`);
const instance = await DuckDBInstance.create(':memory:', {
  threads: '1',
  preserve_insertion_order: 'false',
  allocator_flush_threshold: '1MB',
});
const connection = await instance.connect();
await connection.run(
  `COPY (SELECT * FROM read_json('${pages}/*.ndjson', format='newline_delimited', columns={${columns.join(', ')}}))
   TO '${output}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 10240)`,
);
