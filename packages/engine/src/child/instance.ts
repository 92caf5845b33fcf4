import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';

/**
 * Settings that hold memory: one thread, no insertion order kept across row groups, and an allocator that gives
 * memory back (its default never trims). Time zone UTC, so that nothing depends on the machine.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  threads: '1',
  preserve_insertion_order: 'false',
  allocator_flush_threshold: '1MB',
  memory_limit: '1GB',
  autoinstall_known_extensions: 'false',
  autoload_known_extensions: 'false',
};

export async function openInstance(
  settings: Readonly<Record<string, string>> = {},
): Promise<{ readonly instance: DuckDBInstance; readonly connection: DuckDBConnection }> {
  const instance = await DuckDBInstance.create(':memory:', { ...SETTINGS, ...settings });
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  return { instance, connection };
}
