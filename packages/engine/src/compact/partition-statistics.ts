import { join } from 'node:path';
import {
  type Column,
  type ColumnStatistics,
  type LogicalType,
  quoteIdentifier,
  quoteLiteral,
  sqlType,
  type TableSchema,
} from '@hakiri/core';
import type { WrittenPart } from './gather.ts';
import type { CompactSession } from './session.ts';

/** A longer bound is not kept. */
const MAX_BOUND_BYTES = 64;
/** Distinct values are estimated from about so many ranges of so many rows a partition, spread evenly. */
const SAMPLED_RANGES = 8;
const RANGE_ROWS = 5120;

const NOT_SCALAR: ReadonlySet<LogicalType['kind']> = new Set<LogicalType['kind']>([
  'undecided',
  'json',
  'list',
  'struct',
]);

/** Statistics of a partition's scalar columns: bounds and nulls as the engine wrote them, distinct values estimated. */
export async function partitionStatistics(
  session: CompactSession,
  schema: TableSchema,
  output: string,
  parts: readonly WrittenPart[],
): Promise<Readonly<Record<string, ColumnStatistics>>> {
  const columns = schema.columns.filter(({ type }) => !NOT_SCALAR.has(type.kind));
  if (columns.length === 0) return {};
  const [bounds = []] = await session.rows(
    `SELECT ${columns.flatMap((column) => [bound(column, 'min', parts), bound(column, 'max', parts)]).join(', ')}`,
  );
  const distinct = await estimateDistinct(session, columns, output, parts);
  return Object.fromEntries(
    columns.map(({ name }, i) => [
      name,
      {
        min: bounds[2 * i] ?? null,
        max: bounds[2 * i + 1] ?? null,
        nulls: nullsOf(name, parts),
        distinct: distinct[i] ?? 0,
      },
    ]),
  );
}

const inFile = (name: string, part: WrittenPart) => part.statistics.columns.get(quoteIdentifier(name));

const nullsOf = (name: string, parts: readonly WrittenPart[]): number =>
  parts.reduce((sum, part) => sum + (inFile(name, part)?.nulls ?? 0), 0);

/** SQL for the least or the greatest of the parts' bounds. A part without any has only nulls, or none that is kept. */
function bound({ name, type }: Column, which: 'min' | 'max', parts: readonly WrittenPart[]): string {
  if (type.kind === 'bytes') return 'NULL';
  const texts: string[] = [];
  for (const part of parts) {
    const column = inFile(name, part);
    const text = column?.[which];
    if (text === undefined && (column?.nulls ?? 0) < part.rows) return 'NULL';
    if (text !== undefined) texts.push(text);
  }
  if (texts.length === 0) return 'NULL';
  if (type.kind === 'string' && texts.some((text) => Buffer.byteLength(text) > MAX_BOUND_BYTES))
    return 'NULL';
  const values = texts.map((text) => `CAST(${textSql(text)} AS ${sqlType(type)})`);
  return `list_${which}([${values.join(', ')}])`;
}

/** A NUL would end the statement. */
const textSql = (text: string): string => text.split('\0').map(quoteLiteral).join(' || chr(0) || ');

async function estimateDistinct(
  session: CompactSession,
  columns: readonly Column[],
  output: string,
  parts: readonly WrittenPart[],
): Promise<readonly number[]> {
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const reads = parts.map(
    (part) =>
      `SELECT ${columns.map(({ name }) => quoteIdentifier(name)).join(', ')} FROM read_parquet(${quoteLiteral(join(output, part.file))}, hive_partitioning=false) WHERE ${sample(part.rows, Math.ceil(SAMPLED_RANGES / parts.length))}`,
  );
  const counts = columns.map(
    ({ name }) => `approx_count_distinct(${quoteIdentifier(name)}), count(${quoteIdentifier(name)})`,
  );
  const [found = []] = await session.rows(
    `SELECT count(*), ${counts.join(', ')} FROM (${reads.join(' UNION ALL ')})`,
  );
  const sampled = Number(found[0]);
  return columns.map((_, i) => {
    const distinct = Math.min(Number(found[1 + 2 * i]), Number(found[2 + 2 * i]));
    const values = Number(found[2 + 2 * i]);
    // Nearly all different: so are the others. Otherwise the sample has met most of them.
    return values > 0 && distinct > 0.8 * values ? Math.round((distinct * rows) / sampled) : distinct;
  });
}

function sample(rows: number, ranges: number): string {
  if (rows <= ranges * RANGE_ROWS) return 'true';
  const starts = Array.from({ length: ranges }, (_, i) => Math.floor((rows * i) / ranges));
  return starts.map((start) => `file_row_number BETWEEN ${start} AND ${start + RANGE_ROWS - 1}`).join(' OR ');
}
