import type { LogicalType } from './logical-type.ts';

/** A name as a quoted SQL identifier. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Text as a SQL string literal. */
export function quoteLiteral(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`;
  // A NUL, which ends a text in an order key, cannot stand in a statement.
  return text.includes('\0') ? `(${quoted.replaceAll('\0', "' || chr(0) || '")})` : quoted;
}

/** The DuckDB type that holds a logical type. An undecided column, wherever it must be shown, is text. */
export function sqlType(type: LogicalType): string {
  switch (type.kind) {
    case 'undecided':
    case 'string':
      return 'VARCHAR';
    case 'boolean':
      return 'BOOLEAN';
    case 'int8':
      return 'TINYINT';
    case 'int16':
      return 'SMALLINT';
    case 'int32':
      return 'INTEGER';
    case 'int64':
      return 'BIGINT';
    case 'double':
      return 'DOUBLE';
    case 'bytes':
      return 'BLOB';
    case 'date':
      return 'DATE';
    case 'time':
      return 'TIME';
    case 'timestamp':
      return 'TIMESTAMP WITH TIME ZONE';
    case 'datetime':
      return 'TIMESTAMP';
    case 'json':
      return 'JSON';
    case 'decimal':
      return `DECIMAL(${type.precision},${type.scale})`;
    case 'list':
      return `${sqlType(type.item)}[]`;
    case 'struct':
      return `STRUCT(${type.fields.map((f) => `${quoteIdentifier(f.name)} ${sqlType(f.type)}`).join(', ')})`;
  }
}
