import { scrubSql } from '@hakiri/access';
import {
  findColumn,
  type IndexSpec,
  type LogicalType,
  type PiiType,
  quoteIdentifier,
  type TableSchema,
} from '@hakiri/core';

/** A text that indexes read of a row. */
export interface TextSource {
  /** Dots reach into structs. */
  readonly column: string;
  /** What is cut out of it; empty: nothing. */
  readonly scrub: readonly PiiType[];
}

/** Texts that the indexes of a table read, each once. */
export function textSources(specs: readonly IndexSpec[]): readonly TextSource[] {
  const sources = specs.flatMap(sourcesOf);
  return [...new Map(sources.map((source) => [nameOf(source), source])).values()];
}

/** Where the texts of an index stand among those that are read, in the order of its columns. */
export function placesAmong(sources: readonly TextSource[], spec: IndexSpec): readonly number[] {
  const names = sources.map(nameOf);
  return sourcesOf(spec).map((source) => names.indexOf(nameOf(source)));
}

function sourcesOf({ columns, scrubbed }: IndexSpec): readonly TextSource[] {
  return columns.map((column) => ({
    column,
    scrub: scrubbed?.columns.find((one) => one.column === column)?.piiTypes ?? [],
  }));
}

const nameOf = ({ column, scrub }: TextSource): string => JSON.stringify([column, ...scrub]);

/** The text in SQL, null where the rows have no such column. */
export function textSql(schema: TableSchema, { column, scrub }: TextSource): string {
  const whole = findColumn(schema, column);
  const path = whole ? [column] : column.split('.');
  let type: LogicalType | undefined = whole?.type ?? findColumn(schema, path[0] ?? '')?.type;
  for (const name of path.slice(1)) {
    type = type?.kind === 'struct' ? type.fields.find((field) => field.name === name)?.type : undefined;
  }
  if (type === undefined || type.kind === 'undecided') return 'CAST(NULL AS VARCHAR)';
  const text = `CAST(${path.map(quoteIdentifier).join('.')} AS VARCHAR)`;
  return scrub.length === 0 ? text : scrubSql(text, scrub);
}

/** What is embedded of a row: the texts that it has, with a blank line between them. */
export function joinedText(texts: readonly (string | null)[]): string | undefined {
  const held = texts.filter((text) => text !== null && text !== '');
  return held.length === 0 ? undefined : held.join('\n\n');
}
