import {
  type CatalogDelta,
  columnSql,
  type LogicalType,
  PROVENANCE_COLUMNS,
  quoteIdentifier,
  quoteLiteral,
  sqlType,
  type TableSchema,
} from '@hakiri/core';
import { decoded, spoolType } from '@hakiri/engine';
import { MAX_LINE_BYTES } from './delta-file.ts';

/**
 * A SELECT over a file of small writes: the table's columns, each cast to the table's type from what the file
 * holds, and the provenance columns. The engine takes lines that are not JSON for nothing (`ignore_errors`), so a
 * torn last line is not there; the head has no rows. Every value was checked before it was written, so that no
 * other error can be ignored.
 * @param path how the file's path is written in the statement
 */
export function deltaSelect(
  table: { readonly schema: TableSchema },
  delta: CatalogDelta,
  path: string,
): string {
  const held = decided(delta.columns);
  const heldTypes = new Map(held.columns.map(({ name, type }) => [name, type]));
  const columns = table.schema.columns.map(
    ({ name, type }) => `${columnSql(name, heldTypes.get(name), type)} AS ${quoteIdentifier(name)}`,
  );
  const provenance = PROVENANCE_COLUMNS.map(({ name }) => quoteIdentifier(name));
  const fields = [...held.columns, ...PROVENANCE_COLUMNS].map(({ name, type }) => {
    const identifier = quoteIdentifier(name);
    return `${decoded(`"_hakiri_row".${identifier}`, type)} AS ${identifier}`;
  });
  const until = delta.until === undefined ? '' : `\n        WHERE "at" <= ${quoteLiteral(delta.until)}`;
  const before = delta.beforeSeq === undefined ? '' : `\n    WHERE "_hakiri_seq" < ${delta.beforeSeq}`;
  return `    SELECT ${[...columns, ...provenance].join(', ')}
    FROM (
      SELECT ${fields.join(', ')}
      FROM (
        SELECT unnest("rows") AS "_hakiri_row"
        FROM ${deltaLines(held, path)}${until}
      )
    )${before}`;
}

/** The commits of a file as a relation: `at`, and `rows`, which is null for a line that is no commit. */
export function deltaLines(held: TableSchema, path: string): string {
  const row: LogicalType = {
    kind: 'struct',
    fields: [...decided(held).columns, ...PROVENANCE_COLUMNS].map(({ name, type }) => ({
      name,
      type: spoolType(type),
    })),
  };
  return `read_json(${quoteLiteral(path)}, format='newline_delimited', auto_detect=false, ignore_errors=true, maximum_object_size=${MAX_LINE_BYTES}, columns={'at': 'VARCHAR', 'rows': ${quoteLiteral(`${sqlType(row)}[]`)}})`;
}

/** A column that was only null so far is in no file. */
function decided({ columns }: TableSchema): TableSchema {
  return { columns: columns.filter(({ type }) => type.kind !== 'undecided') };
}
