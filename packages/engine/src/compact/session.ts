import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBType } from '@duckdb/node-api';
import type { JsonValue } from '@hakiri/core';
import { openInstance, WRITER_SETTINGS } from '../child/instance.ts';
import { jsonValue } from '../child/json-value.ts';
import { mapEngineError } from '../child/map-error.ts';
import type { CompactRequest } from './request.ts';

/** The engine of one compaction, with a folder for what is too much for its memory. */
export interface CompactSession {
  readonly folder: string;
  run(sql: string): Promise<void>;
  /** Rows in the one JSON form of values. */
  rows(sql: string): Promise<readonly (readonly JsonValue[])[]>;
}

/** Of its own: the limits of a compaction are not those of a conversion, and a spill folder cannot be changed. */
export async function withSession<Result>(
  { output, memoryLimitBytes }: Pick<CompactRequest, 'output' | 'memoryLimitBytes'>,
  use: (session: CompactSession) => Promise<Result>,
): Promise<Result> {
  const folder = join(output, '.compact-tmp');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const { instance, connection } = await openInstance({
    ...WRITER_SETTINGS,
    memory_limit: `${Math.floor(memoryLimitBytes / 1e6)}MB`,
    temp_directory: join(folder, 'spill'),
  });
  try {
    return await use(sessionOver(connection, folder));
  } finally {
    connection.closeSync();
    instance.closeSync();
    await rm(folder, { recursive: true, force: true });
  }
}

function sessionOver(connection: DuckDBConnection, folder: string): CompactSession {
  const read = async (sql: string) => {
    try {
      return await connection.runAndReadAll(sql);
    } catch (error) {
      throw mapEngineError(error, 'store.damaged', 'compacting a table');
    }
  };
  return {
    folder,
    async run(sql) {
      await read(sql);
    },
    async rows(sql) {
      const reader = await read(sql);
      const types = reader.columnTypes();
      return reader.getRows().map((row) => row.map((cell, i) => jsonValue(cell, types[i] as DuckDBType)));
    },
  };
}
