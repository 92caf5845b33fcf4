import { join } from 'node:path';
import {
  type Column,
  type JsonValue,
  PROVENANCE_COLUMNS,
  quoteIdentifier,
  quoteLiteral,
  type RunId,
  sqlType,
} from '@hakiri/core';
import type { CompactPart, CompactRequest, CompactResult, Engine } from '../../src/index.ts';

/** A row as a test writes it: its own columns, and where it came from. */
export interface Row {
  readonly values: Readonly<Record<string, JsonValue>>;
  readonly run: RunId;
  readonly seq: number;
  readonly deleted: boolean;
  readonly order: string;
}

export const runId = (n: number): RunId => `01JABCDEFGHJKMNPQRSTVW${String(1000 + n)}` as RunId;

export const orderOf = (value: number, run: number, seq: number): string =>
  `2${4_000_000_000_000_000_000n + BigInt(value)}-00000000-${runId(run)}-${1_000_000_000 + seq}`;

/** Writes rows as a part; columns a row does not have are null. */
export async function writeRows(
  engine: Engine,
  path: string,
  columns: readonly Column[],
  rows: readonly Row[],
): Promise<CompactPart> {
  const held = columns.filter(({ type }) => type.kind !== 'undecided');
  const all = [...held, ...PROVENANCE_COLUMNS];
  const tuples = rows.map(({ values, run, seq, deleted, order }) => {
    const own = held.map(({ name }) => textSql(values[name] ?? null));
    return `(${[...own, textSql(run), `${seq}`, `${deleted}`, textSql(order)].join(', ')})`;
  });
  const casts = all.map(({ name, type }, i) =>
    type.kind === 'struct'
      ? `CAST(CAST(c${i} AS JSON) AS ${sqlType(type)}) AS ${quoteIdentifier(name)}`
      : `CAST(c${i} AS ${sqlType(type)}) AS ${quoteIdentifier(name)}`,
  );
  await engine.copy({
    select: `SELECT ${casts.join(', ')} FROM (VALUES ${tuples.join(', ')}) AS t(${all.map((_, i) => `c${i}`).join(', ')})`,
    output: path,
    rowGroupRows: 2048,
  });
  return { path, columns: { columns }, rows: rows.length };
}

function textSql(value: JsonValue): string {
  if (value === null) return 'NULL::VARCHAR';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return `(${text.split('\0').map(quoteLiteral).join(' || chr(0) || ')})`;
}

export const REQUEST: Omit<CompactRequest, 'newer' | 'schema' | 'output'> = {
  base: [],
  primaryKey: ['id'],
  dropTombstonesBefore: undefined,
  partitioning: null,
  rewriteAll: false,
  targetPartRows: 1_000_000,
  memoryLimitBytes: 128_000_000,
};

/** Rows of each partition that was written, in the order in which they lie: key columns as named, run, seq, deleted. */
export async function writtenRows(
  engine: Engine,
  output: string,
  result: CompactResult,
  select: string,
): Promise<Readonly<Record<string, readonly (readonly JsonValue[])[]>>> {
  const found: Record<string, readonly (readonly JsonValue[])[]> = {};
  for (const { partition, parts } of result.partitions) {
    const rows: (readonly JsonValue[])[] = [];
    for (const { file } of parts) {
      rows.push(
        ...(await engine.select(
          `SELECT ${select} FROM read_parquet(${quoteLiteral(join(output, file))}, hive_partitioning=false)`,
        )),
      );
    }
    found[partition] = rows;
  }
  return found;
}
