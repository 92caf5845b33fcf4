import { findColumn, type JsonValue, type LogicalType, quoteLiteral, sqlType } from '@hakiri/core';
import { heldColumn, type NumberedPart, partRows } from './part-rows.ts';
import { mapPartitions, ownValues } from './partition-map.ts';
import { partitionValueSql } from './partition-value.ts';
import type { CompactBasePart, CompactRequest } from './request.ts';
import type { CompactSession } from './session.ts';

export type NumberedBasePart = CompactBasePart & NumberedPart;

/**
 * Labels of the base's partitions that a row comes to or goes from: those the newer rows fall in, and those that
 * hold an older row of such a key.
 */
export async function changedPartitions(
  session: CompactSession,
  request: CompactRequest,
  base: readonly NumberedBasePart[],
  newer: readonly NumberedPart[],
): Promise<ReadonlySet<string>> {
  const { partitioning, primaryKey, rewriteAll } = request;
  const all = new Set(base.map(({ partition }) => partition));
  if (rewriteAll) return all;
  const changed = new Set<string>();
  if (newer.length > 0) {
    if (partitioning === null) return all;
    for (const label of await labelsOf(session, request, [...all], newer))
      if (all.has(label)) changed.add(label);
    const rest = base.filter(({ partition }) => !changed.has(partition));
    const fixed = primaryKey.length === 0 || primaryKey.includes(partitioning.column);
    if (!fixed && rest.length > 0) {
      for (const label of await labelsWithKeys(session, request, rest, newer)) changed.add(label);
    }
  }
  if (partitioning?.kind === 'recent' && partitioning.dirty && (await hasMoved(session, request, base)))
    return all;
  return changed;
}

/** Labels that the rows of the parts have. */
async function labelsOf(
  session: CompactSession,
  { partitioning, schema }: CompactRequest,
  existing: readonly string[],
  parts: readonly NumberedPart[],
): Promise<readonly string[]> {
  if (partitioning === null) return [''];
  const { labels, place } = await mapPartitions(session, partitioning, ownValues(partitioning, existing));
  const values = partRows(parts, (held) => [`${partitionValueSql(partitioning, schema, held)} AS "value"`]);
  const places = await session.rows(
    `SELECT DISTINCT ${place} FROM (SELECT "value" FROM (${values})) LEFT JOIN own USING ("value")`,
  );
  return places.map(([at]) => labels[Number(at)] ?? '');
}

/** Labels of base parts that hold a key of the newer rows. Only keys are read. */
async function labelsWithKeys(
  session: CompactSession,
  request: CompactRequest,
  base: readonly NumberedBasePart[],
  newer: readonly NumberedPart[],
): Promise<readonly string[]> {
  const { primaryKey, schema } = request;
  const keys = (parts: readonly NumberedPart[]) =>
    partRows(parts, (held) =>
      primaryKey.map((name, i) => `${heldColumn(name, held, keyType(request, name))} AS "k${i}"`),
    );
  const names = primaryKey.map((_, i) => `"k${i}"`).join(', ');
  const bounded = primaryKey.flatMap((name, i) => {
    const type = findColumn(schema, name)?.type;
    return type && BOUNDED.has(type.kind) ? [{ name, i, type }] : [];
  });
  const ends = bounded.map(({ i }) => `min("k${i}")::VARCHAR, max("k${i}")::VARCHAR`);
  const found =
    ends.length > 0 ? ((await session.rows(`SELECT ${ends.join(', ')} FROM (${keys(newer)})`))[0] ?? []) : [];
  const pairs = bounded.map(({ name, type }, i) => ({
    name,
    type,
    min: found[2 * i],
    max: found[2 * i + 1],
  }));
  const near = await overlapping(session, base, pairs);
  if (near.length === 0) return [];
  const hits = await session.rows(
    `SELECT DISTINCT "_hakiri_at" // ${2 ** 40} FROM (${keys(near)}) SEMI JOIN (SELECT ${names} FROM (${keys(newer)})) USING (${names})`,
  );
  const numbers = new Set(hits.map(([number]) => Number(number)));
  return near.filter(({ number }) => numbers.has(number)).map(({ partition }) => partition);
}

/** Types whose bounds in the one JSON form the engine reads back. */
const BOUNDED: ReadonlySet<LogicalType['kind']> = new Set<LogicalType['kind']>([
  'int8',
  'int16',
  'int32',
  'int64',
  'decimal',
  'string',
  'date',
  'timestamp',
  'datetime',
]);

interface KeyRange {
  readonly name: string;
  readonly type: LogicalType;
  readonly min: JsonValue | undefined;
  readonly max: JsonValue | undefined;
}

/** Base parts whose bounds do not keep them apart from the range of the newer keys. */
async function overlapping(
  session: CompactSession,
  base: readonly NumberedBasePart[],
  ranges: readonly KeyRange[],
): Promise<readonly NumberedBasePart[]> {
  const tests = base.map((part) => {
    const apart = ranges.flatMap(({ name, type, min, max }) => {
      const bounds = part.keyBounds?.[name];
      const value = (v: JsonValue | undefined) => `CAST(${quoteLiteral(String(v))} AS ${sqlType(type)})`;
      return [
        ...(bounds && bounds.min !== null && typeof max === 'string'
          ? [`${value(bounds.min)} > ${value(max)}`]
          : []),
        ...(bounds && bounds.max !== null && typeof min === 'string'
          ? [`${value(bounds.max)} < ${value(min)}`]
          : []),
      ];
    });
    return apart.length > 0 ? `NOT (${apart.join(' OR ')})` : 'true';
  });
  const answers: JsonValue[] = [];
  for (let from = 0; from < tests.length; from += 500) {
    answers.push(...((await session.rows(`SELECT ${tests.slice(from, from + 500).join(', ')}`))[0] ?? []));
  }
  return base.filter((_, i) => answers[i] !== false);
}

/** Whether a row of the base lies on the wrong side of the boundary. */
async function hasMoved(
  session: CompactSession,
  { partitioning, schema }: CompactRequest,
  base: readonly NumberedBasePart[],
): Promise<boolean> {
  for (const label of new Set(base.map(({ partition }) => partition))) {
    const parts = base.filter(({ partition }) => partition === label);
    const values = partRows(parts, (held) => [`${partitionValueSql(partitioning, schema, held)} AS "value"`]);
    const moved = await session.rows(
      `SELECT 1 FROM (${values}) WHERE "value" <> ${quoteLiteral(label)} LIMIT 1`,
    );
    if (moved.length > 0) return true;
  }
  return false;
}

const keyType = ({ schema }: CompactRequest, name: string): LogicalType =>
  findColumn(schema, name)?.type ?? { kind: 'string' };
