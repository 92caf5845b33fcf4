import type { LogicalType } from './logical-type.ts';
import { quoteIdentifier, sqlType } from './sql-type.ts';

/** A column of a file as the type that the table has now, in SQL; NULL where the file has no such column. */
export function columnSql(name: string, held: LogicalType | undefined, type: LogicalType): string {
  const identifier = quoteIdentifier(name);
  if (held === undefined || held.kind === 'undecided') return `CAST(NULL AS ${sqlType(type)})`;
  // Casting text to JSON would parse it; it has to become a JSON string.
  if (type.kind === 'json' && held.kind !== 'json') return `to_json(${identifier})`;
  return `CAST(${identifier} AS ${sqlType(type)})`;
}
