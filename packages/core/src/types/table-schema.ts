import type { LogicalType } from './logical-type.ts';

/** A column of a table, in the order in which the view shows it. */
export interface Column {
  readonly name: string;
  readonly type: LogicalType;
}

/** What a table's rows look like, Hakiri's own columns left out. */
export interface TableSchema {
  readonly columns: readonly Column[];
}

/** The columns every part carries beside the table's own. */
export const PROVENANCE_COLUMNS: readonly Column[] = [
  { name: '_hakiri_run', type: { kind: 'string' } },
  { name: '_hakiri_seq', type: { kind: 'int64' } },
  { name: '_hakiri_deleted', type: { kind: 'boolean' } },
  { name: '_hakiri_order', type: { kind: 'string' } },
];

export const RESERVED_PREFIX = '_hakiri_';

export const EMPTY_SCHEMA: TableSchema = { columns: [] };

export function findColumn(schema: TableSchema, name: string): Column | undefined {
  return schema.columns.find((column) => column.name === name);
}
