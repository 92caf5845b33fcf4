import {
  type CatalogTable,
  type Column,
  findColumn,
  type JsonValue,
  type LogicalType,
  quoteIdentifier,
  quoteLiteral,
  sqlType,
} from '@hakiri/core';
import { keyColumns } from '../cite/citations.ts';
import type { SearchHit } from '../search/request.ts';
import { withProvenance } from './structured-sql.ts';

/** What a key is made of; a column that was only null so far has no keys in it. */
export function keyTypes(table: CatalogTable): readonly Column[] {
  const schema = withProvenance(table.schema);
  return keyColumns(table).map((name): Column => {
    const type = findColumn(schema, name)?.type;
    return { name, type: type === undefined || type.kind === 'undecided' ? { kind: 'string' } : type };
  });
}

/** Hits as a relation: the table's key, `_hakiri_score` and `_hakiri_rank`. */
export function hitsSql(table: CatalogTable, hits: readonly SearchHit[]): string {
  const key = keyTypes(table);
  const names = [...key.map(({ name }) => name), '_hakiri_score', '_hakiri_rank'].map(quoteIdentifier);
  const rows = hits.map((hit, i) => {
    const values = key.map(({ type }, column) => valueSql(hit.key[column] ?? null, type));
    return `(${[...values, `CAST('${hit.score}' AS DOUBLE)`, `${i + 1}`].join(', ')})`;
  });
  if (rows.length > 0) return `(VALUES ${rows.join(', ')}) AS "_hakiri_hits"(${names.join(', ')})`;
  const none = [...key.map(({ type }) => sqlType(type)), 'DOUBLE', 'INTEGER'];
  const columns = none.map((type, i) => `CAST(NULL AS ${type}) AS ${names[i]}`);
  return `(SELECT ${columns.join(', ')} WHERE false) AS "_hakiri_hits"`;
}

/** A value in the one JSON form; one that is not of the type is null, and equal to nothing. */
export function valueSql(value: JsonValue, type: LogicalType): string {
  if (value === null) return `CAST(NULL AS ${sqlType(type)})`;
  const text = quoteLiteral(typeof value === 'string' ? value : JSON.stringify(value));
  return type.kind === 'bytes' ? `from_base64(${text})` : `TRY_CAST(${text} AS ${sqlType(type)})`;
}
