import { findColumn, type LogicalType, quoteIdentifier, type TableSchema } from '@hakiri/core';

/** The text of a column in SQL, null where the rows have no such column. Dots reach into structs. */
export function columnText(schema: TableSchema, column: string): string {
  const whole = findColumn(schema, column);
  const path = whole ? [column] : column.split('.');
  let type: LogicalType | undefined = whole?.type ?? findColumn(schema, path[0] ?? '')?.type;
  for (const name of path.slice(1)) {
    type = type?.kind === 'struct' ? type.fields.find((field) => field.name === name)?.type : undefined;
  }
  if (type === undefined || type.kind === 'undecided') return 'CAST(NULL AS VARCHAR)';
  return `CAST(${path.map(quoteIdentifier).join('.')} AS VARCHAR)`;
}

/** What is embedded of a row: the texts that it has, with a blank line between them. */
export function joinedText(texts: readonly (string | null)[]): string | undefined {
  const held = texts.filter((text) => text !== null && text !== '');
  return held.length === 0 ? undefined : held.join('\n\n');
}
