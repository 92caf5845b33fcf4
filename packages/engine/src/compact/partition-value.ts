import { findColumn, type LogicalType, quoteIdentifier, quoteLiteral, type TableSchema } from '@hakiri/core';
import { heldColumn } from './part-rows.ts';
import { ARCHIVE } from './partition-label.ts';
import type { CompactPartitioning } from './request.ts';

/**
 * SQL for the text that decides a row's partition: the column's value, or the label itself where the table is cut
 * by time. Null for a table that is not partitioned.
 */
export function partitionValueSql(
  partitioning: CompactPartitioning | null,
  schema: TableSchema,
  held: TableSchema,
): string {
  if (partitioning === null) return 'CAST(NULL AS VARCHAR)';
  const found = resolve(partitioning.column, schema, held);
  if (partitioning.kind === 'by') return found ? `CAST(${found.sql} AS VARCHAR)` : 'CAST(NULL AS VARCHAR)';
  const boundary = `CAST(${quoteLiteral(partitioning.boundary)} AS TIMESTAMP WITH TIME ZONE)`;
  const moment = found && momentSql(found.sql, found.type);
  if (!moment) return quoteLiteral(ARCHIVE);
  return `CASE WHEN ${moment} >= ${boundary} THEN ${quoteLiteral(partitioning.label)} ELSE ${quoteLiteral(ARCHIVE)} END`;
}

/** A column by its whole name, else a path into structs; undefined while the table has no such column. */
function resolve(
  path: string,
  schema: TableSchema,
  held: TableSchema,
): { readonly sql: string; readonly type: LogicalType } | undefined {
  const whole = findColumn(schema, path);
  if (whole) return { sql: heldColumn(path, held, whole.type), type: whole.type };
  const [root = '', ...fields] = path.split('.');
  const column = findColumn(schema, root);
  if (!column) return undefined;
  let sql = heldColumn(root, held, column.type);
  let type = column.type;
  for (const name of fields) {
    const field = type.kind === 'struct' ? type.fields.find((f) => f.name === name) : undefined;
    if (!field) return undefined;
    sql = `(${sql}).${quoteIdentifier(name)}`;
    type = field.type;
  }
  return { sql, type };
}

/** Undefined for a type that says nothing of time. Text that is no time is nobody's recent row. */
function momentSql(sql: string, type: LogicalType): string | undefined {
  switch (type.kind) {
    case 'timestamp':
    case 'datetime':
    case 'date':
      return `CAST(${sql} AS TIMESTAMP WITH TIME ZONE)`;
    case 'string':
      return `TRY_CAST(${sql} AS TIMESTAMP WITH TIME ZONE)`;
    default:
      return undefined;
  }
}
