import type { DuckDBConnection } from '@duckdb/node-api';
import { changedPartitions, type NumberedBasePart } from './changed-partitions.ts';
import { gatherRows } from './gather.ts';
import { type NumberedPart, partRows } from './part-rows.ts';
import { partitionStatistics } from './partition-statistics.ts';
import { placeRows } from './place-rows.ts';
import type { CompactedPartition, CompactRequest, CompactResult } from './request.ts';
import { type CompactSession, withSession } from './session.ts';
import { findWinners } from './winners.ts';

/**
 * Merges newer parts into a snapshot: winners first, over keys and orders alone, then the wide rows of the winners,
 * sorted by key within each partition. Only partitions that changed are written. The same request gives the same
 * bytes.
 * @throws HakiriError store.disk_full, store.io, store.damaged, engine.out_of_memory
 */
export async function compact(
  _connection: DuckDBConnection,
  request: CompactRequest,
): Promise<CompactResult> {
  return withSession(request, (session) => compactIn(session, request));
}

async function compactIn(session: CompactSession, request: CompactRequest): Promise<CompactResult> {
  const base: readonly NumberedBasePart[] = request.base.map((part, number) => ({ ...part, number }));
  const newer: readonly NumberedPart[] = request.newer.map((part, i) => ({
    ...part,
    number: base.length + i,
  }));
  const greatestOrder = await greatestOf(session, newer);
  const changed = await changedPartitions(session, request, base, newer);
  const merged = base.filter(({ partition }) => changed.has(partition));
  const labels = [...new Set(base.map(({ partition }) => partition))];
  await findWinners(session, request, [...merged, ...newer]);
  const placed = await placeRows(session, request, request.rewriteAll ? [] : labels);
  const written = await gatherRows(session, request, merged, newer, placed);
  const partitions: CompactedPartition[] = [];
  for (const { label, from, to, tombstones } of placed) {
    const parts = written.filter(({ partition }) => partition === label);
    partitions.push({
      partition: label,
      parts: parts.map(({ file, rows, bytes, sha256, keyRange }) => ({
        file,
        rows,
        bytes,
        sha256,
        keyRange,
      })),
      rows: to - from,
      tombstones,
      columns: await partitionStatistics(session, request.schema, request.output, parts),
    });
  }
  return { partitions, unchanged: labels.filter((label) => !changed.has(label)), greatestOrder };
}

async function greatestOf(session: CompactSession, parts: readonly NumberedPart[]): Promise<string | null> {
  if (parts.length === 0) return null;
  const [[order = null] = []] = await session.rows(
    `SELECT max("_hakiri_order") FROM (${partRows(parts, () => ['"_hakiri_order"'])})`,
  );
  return order === null ? null : String(order);
}
