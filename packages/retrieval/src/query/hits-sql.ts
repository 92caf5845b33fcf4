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
import { rawKeyColumns, type ServedTable } from './session.ts';
import { type HitsRelation, withProvenance } from './structured-sql.ts';

/** What a key is made of; a column that was only null so far has no keys in it. */
export function keyTypes(table: Pick<CatalogTable, 'mode' | 'primaryKey' | 'schema'>): readonly Column[] {
  const schema = withProvenance(table.schema);
  return keyColumns(table).map((name): Column => {
    const type = findColumn(schema, name)?.type;
    return { name, type: type === undefined || type.kind === 'undecided' ? { kind: 'string' } : type };
  });
}

/** Hits as a relation, told by the table's key as the store knows it. */
export function hitsSql({ table, seen }: ServedTable, hits: readonly SearchHit[]): HitsRelation {
  const key = keyTypes(table);
  const joinedBy = seen.isWhole ? keyColumns(table) : rawKeyColumns(table);
  const names = [...joinedBy, '_hakiri_score', '_hakiri_rank'].map(quoteIdentifier);
  const rows = hits.map((hit, i) => {
    const values = key.map(({ type }, column) => valueSql(hit.key[column] ?? null, type));
    return `(${[...values, `CAST('${hit.score}' AS DOUBLE)`, `${i + 1}`].join(', ')})`;
  });
  if (rows.length > 0) {
    return { joinedBy, sql: `(VALUES ${rows.join(', ')}) AS "_hakiri_hits"(${names.join(', ')})` };
  }
  const none = [...key.map(({ type }) => sqlType(type)), 'DOUBLE', 'INTEGER'];
  const columns = none.map((type, i) => `CAST(NULL AS ${type}) AS ${names[i]}`);
  return { joinedBy, sql: `(SELECT ${columns.join(', ')} WHERE false) AS "_hakiri_hits"` };
}

/** A value in the one JSON form; one that is not of the type is null, and equal to nothing. */
export function valueSql(value: JsonValue, type: LogicalType): string {
  if (value === null) return `CAST(NULL AS ${sqlType(type)})`;
  const text = quoteLiteral(typeof value === 'string' ? value : JSON.stringify(value));
  return type.kind === 'bytes' ? `from_base64(${text})` : `TRY_CAST(${text} AS ${sqlType(type)})`;
}
