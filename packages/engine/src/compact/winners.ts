import { findColumn, quoteLiteral } from '@hakiri/core';
import { heldColumn, type NumberedPart, partRows } from './part-rows.ts';
import { partitionValueSql } from './partition-value.ts';
import type { CompactRequest } from './request.ts';
import type { CompactSession } from './session.ts';

/** A sort spills, but needs a fraction of its rows in memory: of long rows more (measured, with room). */
const SORTED_PER_MEMORY = { short: 2.5, long: 0.5 };
const LONG_ROW_BYTES = 256;
/** What a row costs in a sort beside the bytes of its key and order. */
const ROW_OVERHEAD_BYTES = 64;
const SAMPLED_PER_SLICE = 500;

/**
 * Makes table `winners(at, pos, deleted, value)`: where the newest row of each key lies, its position in the order
 * of keys (from 0, no gaps), and the text that decides its partition. Only keys and orders are read; what one sort
 * cannot take is done a range of keys at a time.
 */
export async function findWinners(
  session: CompactSession,
  request: CompactRequest,
  parts: readonly NumberedPart[],
): Promise<void> {
  await session.run(
    'CREATE TEMP TABLE winners("at" BIGINT, "pos" BIGINT, "deleted" BOOLEAN, "value" VARCHAR)',
  );
  if (parts.length === 0) return;
  const rows = narrowRows(request, parts);
  const slices = await cutKeys(session, request, parts, rows);
  for (let slice = 0; slice < slices; slice++) {
    const [[found = 0] = []] = await session.rows('SELECT count(*) FROM winners');
    await session.run(
      `INSERT INTO winners SELECT "_hakiri_at", ${Number(found)} + row_number() OVER () - 1, "_hakiri_deleted", "value" FROM (${newest(request, `SELECT * FROM (${rows}) ${sliceFilter(request, slice, slices)}`)})`,
    );
  }
}

function narrowRows(
  { schema, primaryKey, partitioning }: CompactRequest,
  parts: readonly NumberedPart[],
): string {
  return partRows(parts, (held) => [
    ...primaryKey.map(
      (name, i) =>
        `${heldColumn(name, held, findColumn(schema, name)?.type ?? { kind: 'string' })} AS "k${i}"`,
    ),
    '"_hakiri_order"',
    '"_hakiri_deleted"',
    '"_hakiri_run"',
    `${partitionValueSql(partitioning, schema, held)} AS "value"`,
  ]);
}

/** The rows in the order of keys, one a key. A place decides where two rows have the same order. */
function newest({ primaryKey, dropTombstonesBefore }: CompactRequest, rows: string): string {
  const keys = keyNames(primaryKey);
  const kept =
    dropTombstonesBefore === undefined
      ? 'true'
      : `NOT ("_hakiri_deleted" AND "_hakiri_run" < ${quoteLiteral(dropTombstonesBefore)})`;
  // Payload that is not needed would travel through the sort.
  const payload = `"_hakiri_at", "_hakiri_deleted", "value", ${kept} AS "kept"`;
  if (keys.length === 0) {
    return `SELECT * FROM (SELECT ${payload} FROM (${rows}) ORDER BY "_hakiri_order", "_hakiri_at") WHERE "kept"`;
  }
  const sorted = `SELECT ${keys.join(', ')}, ${payload} FROM (${rows}) ORDER BY ${keys.join(', ')}, "_hakiri_order" DESC, "_hakiri_at" DESC`;
  const first = keys.map((key) => `lag(${key}) OVER () IS DISTINCT FROM ${key}`).join(' OR ');
  return `SELECT * FROM (SELECT *, row_number() OVER () = 1 OR ${first} AS "first" FROM (${sorted})) WHERE "first" AND "kept"`;
}

const keyNames = (primaryKey: readonly string[]): readonly string[] => primaryKey.map((_, i) => `"k${i}"`);

/** What is sorted by, as one value; an append table's rows by their order. */
function sortKey({ primaryKey }: CompactRequest): string {
  const keys = primaryKey.length > 0 ? keyNames(primaryKey) : ['"_hakiri_order"'];
  return `struct_pack(${keys.map((key, i) => `s${i} := ${key}`).join(', ')})`;
}

/** Makes table `cuts` from a sample of the keys, and says how many ranges it cuts them into. */
async function cutKeys(
  session: CompactSession,
  request: CompactRequest,
  parts: readonly NumberedPart[],
  rows: string,
): Promise<number> {
  const count = parts.reduce((sum, part) => sum + part.rows, 0);
  const rowBytes = await narrowRowBytes(session, request, parts);
  const share = rowBytes > LONG_ROW_BYTES ? SORTED_PER_MEMORY.long : SORTED_PER_MEMORY.short;
  const wanted = Math.ceil((count * rowBytes) / (request.memoryLimitBytes * share));
  if (wanted <= 1) return 1;
  const oneIn = Math.max(1, Math.floor(count / (wanted * SAMPLED_PER_SLICE)));
  await session.run(
    `CREATE TEMP TABLE cuts AS SELECT row_number() OVER () AS "i", "key" FROM (
       SELECT "key", row_number() OVER (ORDER BY "key") AS "n", count(*) OVER () AS "total"
       FROM (SELECT ${sortKey(request)} AS "key" FROM (${rows})) WHERE hash("key") % ${oneIn} = 0
     ) WHERE "n" * ${wanted} // "total" <> ("n" - 1) * ${wanted} // "total" AND "n" < "total"`,
  );
  const [[cuts = 0] = []] = await session.rows('SELECT count(*) FROM cuts');
  return Number(cuts) + 1;
}

function sliceFilter(request: CompactRequest, slice: number, slices: number): string {
  const cut = (i: number) => `(SELECT "key" FROM cuts WHERE "i" = ${i})`;
  const tests = [
    ...(slice > 0 ? [`${sortKey(request)} >= ${cut(slice)}`] : []),
    ...(slice < slices - 1 ? [`${sortKey(request)} < ${cut(slice + 1)}`] : []),
  ];
  return tests.length > 0 ? `WHERE ${tests.join(' AND ')}` : '';
}

/** Bytes that a row takes in the sort, from the first rows of the newest part. */
async function narrowRowBytes(
  session: CompactSession,
  request: CompactRequest,
  parts: readonly NumberedPart[],
): Promise<number> {
  const texts = [...keyNames(request.primaryKey), '"_hakiri_order"', '"value"'].map(
    (name) => `coalesce(avg(strlen(CAST(${name} AS VARCHAR))), 0)`,
  );
  const [[bytes = 0] = []] = await session.rows(
    `SELECT ${texts.join(' + ')} FROM (SELECT * FROM (${narrowRows(request, parts.slice(-1))}) LIMIT 2048)`,
  );
  return Number(bytes) + ROW_OVERHEAD_BYTES;
}
