import { MIXED, partitionLabel } from './partition-label.ts';
import { mapPartitions, ownValues, type PartitionMap } from './partition-map.ts';
import type { CompactPartitioning, CompactRequest } from './request.ts';
import type { CompactSession } from './session.ts';

/** A partition's rows, at positions `from` to `to` (exclusive) of table `placed`. */
export interface PlacedPartition {
  readonly label: string;
  readonly from: number;
  readonly to: number;
  readonly tombstones: number;
}

/** Rows that are sorted at once here: three numbers each. */
const PLACED_PER_SORT = 2_000_000;

/**
 * Makes table `placed(at, pos)`: the winners by partition, in the order of keys within each, `pos` from 0 without
 * gaps. Values with rows enough get partitions of their own.
 */
export async function placeRows(
  session: CompactSession,
  request: CompactRequest,
  existing: readonly string[],
): Promise<readonly PlacedPartition[]> {
  const { partitioning } = request;
  if (partitioning === null) {
    await session.run('CREATE TEMP VIEW placed AS SELECT "at", "pos" FROM winners');
    return counted(
      session,
      { labels: [''], place: '0' },
      '(SELECT *, NULL::INTEGER AS "place" FROM winners)',
    );
  }
  const own = ownValues(partitioning, existing);
  const map = await mapPartitions(session, partitioning, [
    ...own,
    ...(partitioning.kind === 'by' ? await promoted(session, partitioning, own) : []),
  ]);
  const placed = 'winners LEFT JOIN own USING ("value")';
  const partitions = await counted(session, map, placed);
  await session.run('CREATE TEMP TABLE placed("at" BIGINT, "pos" BIGINT)');
  for (const group of groupsOf(partitions)) {
    const places = group.map(({ label }) => map.labels.indexOf(label));
    await session.run(
      `INSERT INTO placed SELECT "at", ${group[0]?.from ?? 0} + row_number() OVER () - 1 FROM (
         SELECT "at" FROM (SELECT "at", "pos", ${map.place} AS "in" FROM ${placed})
         WHERE "in" BETWEEN ${places[0] ?? 0} AND ${places.at(-1) ?? 0} ORDER BY "in", "pos")`,
    );
  }
  await session.run('DROP TABLE winners');
  return partitions;
}

/** Values that have none yet and rows enough for a partition, those with the most first. */
async function promoted(
  session: CompactSession,
  { column, minRows, maxPartitions }: Extract<CompactPartitioning, { kind: 'by' }>,
  own: readonly string[],
): Promise<readonly string[]> {
  const room = maxPartitions - own.length;
  if (room <= 0) return [];
  await mapPartitions(session, null, own);
  const rows = await session.rows(
    `SELECT "value" FROM winners ANTI JOIN own USING ("value") WHERE "value" IS NOT NULL AND strlen("value") <= 120
     GROUP BY "value" HAVING count(*) >= ${minRows} ORDER BY count(*) DESC, "value" LIMIT ${room}`,
  );
  return rows.map(([value]) => String(value)).filter((value) => partitionLabel(column, value) !== undefined);
}

async function counted(
  session: CompactSession,
  { labels, place }: PartitionMap,
  placed: string,
): Promise<readonly PlacedPartition[]> {
  const rows = await session.rows(
    `SELECT ${place} AS "in", count(*), count(*) FILTER ("deleted") FROM ${placed} GROUP BY "in" ORDER BY "in"`,
  );
  let from = 0;
  return rows.map(([at, count, tombstones]) => {
    const to = from + Number(count);
    const partition = { label: labels[Number(at)] ?? MIXED, from, to, tombstones: Number(tombstones) };
    from = to;
    return partition;
  });
}

/** Neighbours that are sorted at once. */
function groupsOf(partitions: readonly PlacedPartition[]): readonly (readonly PlacedPartition[])[] {
  const groups: PlacedPartition[][] = [];
  for (const partition of partitions) {
    const last = groups.at(-1);
    if (last?.[0] && partition.to - last[0].from <= PLACED_PER_SORT) last.push(partition);
    else groups.push([partition]);
  }
  return groups;
}
