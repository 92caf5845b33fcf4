import { rm } from 'node:fs/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { quoteLiteral } from '@hakiri/core';
import { mapEngineError } from '../child/map-error.ts';
import type { CopyRequest, CopyResult } from '../protocol.ts';
import { fileSha256 } from './file-sha256.ts';

/** Writes what a SELECT gives as Parquet; a file without rows is removed again. */
export async function writeParquet(
  connection: DuckDBConnection,
  { select, output, rowGroupRows }: CopyRequest,
): Promise<CopyResult> {
  await rm(output, { force: true });
  try {
    const reader = await connection.runAndReadAll(
      `COPY (${select}) TO ${quoteLiteral(output)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${rowGroupRows}, RETURN_STATS)`,
    );
    const [row] = reader.getRowObjectsJson() as { count: string; file_size_bytes: string }[];
    const rows = Number(row?.count ?? 0);
    if (rows === 0) {
      await rm(output, { force: true });
      return { rows, bytes: 0, sha256: '' };
    }
    return { rows, bytes: Number(row?.file_size_bytes ?? 0), sha256: await fileSha256(output) };
  } catch (error) {
    throw mapEngineError(error, 'engine.failed', 'writing a part');
  }
}
