/**
 * The reference: one statement over the same parts. `as-written` keeps the engine from turning it into another
 * plan. Arguments: folder of parts, output, memory limit, `as-written` or `rewritten`, spill folder.
 */
import { DuckDBInstance } from '@duckdb/node-api';

const [folder, output, memory = '', plan, spill = ''] = process.argv.slice(2);
const instance = await DuckDBInstance.create(':memory:', {
  threads: '1',
  preserve_insertion_order: 'false',
  allocator_flush_threshold: '1MB',
  memory_limit: memory,
  temp_directory: spill,
});
const connection = await instance.connect();
if (plan === 'as-written') await connection.run("SET disabled_optimizers = 'top_n_window_elimination'");
await connection.run(
  `COPY (SELECT * FROM (SELECT * FROM read_parquet('${folder}/*.parquet')
     QUALIFY row_number() OVER (PARTITION BY id ORDER BY _hakiri_order DESC) = 1) ORDER BY id)
   TO '${output}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 10240)`,
);
