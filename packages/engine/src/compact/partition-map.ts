import { quoteLiteral } from '@hakiri/core';
import { labelValue, MIXED, partitionLabel } from './partition-label.ts';
import type { CompactPartitioning } from './request.ts';
import type { CompactSession } from './session.ts';

/** Which partition a value belongs to: table `own(value, place)` in the session, `place` an index into `labels`. */
export interface PartitionMap {
  readonly labels: readonly string[];
  /** SQL for `place`, over a `value` column left-joined with `own`. */
  readonly place: string;
}

/** @param values those that have a partition of their own */
export async function mapPartitions(
  session: CompactSession,
  partitioning: CompactPartitioning | null,
  values: readonly string[],
): Promise<PartitionMap> {
  const own = values
    .map((value) => ({
      value,
      label: partitioning?.kind === 'by' ? partitionLabel(partitioning.column, value) : value,
    }))
    .filter((entry): entry is { value: string; label: string } => entry.label !== undefined)
    .sort((a, b) => (a.label < b.label ? -1 : 1));
  await session.run('CREATE OR REPLACE TEMP TABLE own("value" VARCHAR, "place" INTEGER)');
  const rows = own.map(({ value }, i) => `(${textSql(value)}, ${i})`);
  for (let from = 0; from < rows.length; from += 1000) {
    await session.run(`INSERT INTO own VALUES ${rows.slice(from, from + 1000).join(', ')}`);
  }
  const labels = own.map(({ label }) => label);
  if (partitioning?.kind !== 'by')
    return { labels: partitioning ? labels : [''], place: 'coalesce(own."place", 0)' };
  const missing = own.length;
  return {
    labels: [...labels, partitionLabel(partitioning.column, null) ?? MIXED, MIXED],
    place: `coalesce(own."place", CASE WHEN "value" IS NULL THEN ${missing} ELSE ${missing + 1} END)`,
  };
}

/** Values that have a partition of their own already. */
export function ownValues(partitioning: CompactPartitioning, labels: readonly string[]): readonly string[] {
  if (partitioning.kind === 'recent') return [partitioning.label, 'archive'];
  return labels.flatMap((label) => labelValue(partitioning.column, label) ?? []);
}

/** A NUL would end the statement. */
const textSql = (text: string): string =>
  text.includes('\0') ? text.split('\0').map(quoteLiteral).join(' || chr(0) || ') : quoteLiteral(text);
