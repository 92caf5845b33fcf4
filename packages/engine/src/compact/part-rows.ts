import { columnSql, findColumn, type LogicalType, quoteLiteral, type TableSchema } from '@hakiri/core';
import type { CompactPart } from './request.ts';

/** A part of the table with its number; numbers are given in the order of base, then newer. */
export interface NumberedPart extends CompactPart {
  readonly number: number;
}

/** `_hakiri_at` is where a row lies: number of its part times this, plus its position in the part. */
export const ROWS_PER_PART = 2 ** 40;

/** A column of the table as a part that holds the given columns has it. */
export function heldColumn(name: string, held: TableSchema, type: LogicalType): string {
  return columnSql(name, findColumn(held, name)?.type, type);
}

/**
 * SELECT of rows of the parts, each with `_hakiri_at`; parts with the same columns are read together.
 * `select` says what to read of a part that holds the given columns.
 */
export function partRows(
  parts: readonly NumberedPart[],
  select: (held: TableSchema) => readonly string[],
  within?: { readonly from: number; readonly to: number },
): string {
  return groups(parts)
    .map((group) => groupRows(group, select, within))
    .join('\nUNION ALL\n');
}

interface Group {
  readonly columns: TableSchema;
  readonly parts: readonly NumberedPart[];
  /** The engine's own columns for a row's place are hidden by columns of the table that have their names. */
  readonly hidesPlace: boolean;
}

function groups(parts: readonly NumberedPart[]): readonly Group[] {
  const found = new Map<string, { columns: TableSchema; parts: NumberedPart[]; hidesPlace: boolean }>();
  for (const part of parts) {
    const hidesPlace = part.columns.columns.some(({ name }) => /^(file_index|file_row_number)$/i.test(name));
    const id = `${hidesPlace ? part.number : ''}${JSON.stringify(part.columns)}`;
    const group = found.get(id) ?? { columns: part.columns, parts: [], hidesPlace };
    group.parts.push(part);
    found.set(id, group);
  }
  return [...found.values()];
}

function groupRows(
  { columns, parts, hidesPlace }: Group,
  select: (held: TableSchema) => readonly string[],
  within: { readonly from: number; readonly to: number } | undefined,
): string {
  const files = parts.map(({ path }) => quoteLiteral(path)).join(', ');
  const read = `read_parquet([${files}], hive_partitioning=false)`;
  const number = partNumber(parts);
  if (hidesPlace) {
    const all = `SELECT ${number} * ${ROWS_PER_PART} + row_number() OVER () - 1 AS "_hakiri_at", * FROM ${read}`;
    const where = within
      ? ` WHERE "_hakiri_at" % ${ROWS_PER_PART} BETWEEN ${within.from} AND ${within.to}`
      : '';
    return `SELECT "_hakiri_at", ${select(columns).join(', ')} FROM (${all})${where}`;
  }
  const at = `CAST(${number} AS BIGINT) * ${ROWS_PER_PART} + file_row_number AS "_hakiri_at"`;
  const where = within ? ` WHERE file_row_number BETWEEN ${within.from} AND ${within.to}` : '';
  return `SELECT ${[at, ...select(columns)].join(', ')} FROM ${read}${where}`;
}

function partNumber(parts: readonly NumberedPart[]): string {
  const first = parts[0]?.number ?? 0;
  if (parts.length === 1) return `${first}`;
  const follow = parts.every(({ number }, i) => number === first + i);
  return follow
    ? `(${first} + file_index)`
    : `([${parts.map(({ number }) => number).join(', ')}])[CAST(file_index AS BIGINT) + 1]`;
}
