import { availableParallelism, totalmem } from 'node:os';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';

/** Nothing is fetched, whatever a query asks for. */
const OFFLINE = { autoinstall_known_extensions: 'false', autoload_known_extensions: 'false' };

/**
 * Settings that hold memory: one thread, no insertion order kept across row groups, and an allocator that gives
 * memory back (its default never trims).
 */
export const WRITER_SETTINGS = {
  ...OFFLINE,
  threads: '1',
  preserve_insertion_order: 'false',
  allocator_flush_threshold: '1MB',
  memory_limit: '1GB',
};

const LEAST_SESSION_BYTES = 256_000_000;
const MOST_SESSION_BYTES = 4_000_000_000;

/** Of one query: as many as may run beside each other take half of the memory there is at most. */
export const sessionMemoryBytes = (): number =>
  Math.min(MOST_SESSION_BYTES, Math.max(LEAST_SESSION_BYTES, Math.floor(memoryBytes() / 8)));

/** The machine's, or what a service manager or container leaves of it; 0 says that nobody knows of a limit. */
const memoryBytes = (): number =>
  Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);

/** A query may use the machine, but must leave room for what else runs on it, and spills nowhere. */
export const sessionSettings = () => ({
  ...OFFLINE,
  threads: String(availableParallelism()),
  memory_limit: `${Math.floor(sessionMemoryBytes() / 1_000_000)}MB`,
  temp_directory: '',
});

/** For parsing only. */
export const PARSER_SETTINGS = { ...OFFLINE, threads: '1', memory_limit: '256MB', temp_directory: '' };

/** Time zone UTC, so that nothing depends on the machine's. */
export async function openInstance(
  settings: Readonly<Record<string, string>>,
): Promise<{ readonly instance: DuckDBInstance; readonly connection: DuckDBConnection }> {
  const instance = await DuckDBInstance.create(':memory:', settings);
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  return { instance, connection };
}
