import { isInteger, type JsonValue, type LogicalType } from '@hakiri/core';

/**
 * The text of a value in the one JSON form, for types that have one: what is hashed and tokenized. Undefined for
 * structs, lists, JSON and bytes.
 */
export function valueText(value: JsonValue): string | undefined {
  return typeof value === 'object' ? undefined : String(value);
}

export function hasText(type: LogicalType): boolean {
  return !['struct', 'list', 'json', 'bytes'].includes(type.kind);
}

/** The same text in SQL, of an expression of a type that has one. It cannot fail on a value; NULL stays NULL. */
export function valueTextSql(sql: string, type: LogicalType): string {
  if (isInteger(type)) return `CAST(${sql} AS VARCHAR)`;
  switch (type.kind) {
    case 'string':
      return sql;
    case 'double':
      // As JavaScript writes it: no `.0`, and the sign of a large exponent.
      return `regexp_replace(regexp_replace(CAST(to_json(${sql} + 0.0::DOUBLE) AS VARCHAR), '\\.0$', ''), 'e([0-9])', 'e+\\1')`;
    case 'date':
      // Of the infinite days that form writes the day they are stored as.
      return `CASE ${sql} WHEN DATE 'infinity' THEN '5881580-07-11' WHEN DATE '-infinity' THEN '5877642-06-24 (BC)' ELSE CAST(${sql} AS VARCHAR) END`;
    case 'timestamp':
      return momentSql(`(${sql} AT TIME ZONE 'UTC')`, 'Z');
    case 'datetime':
      return momentSql(sql, '');
    default:
      return `CAST(${sql} AS VARCHAR)`;
  }
}

/** Microseconds since 1970 that a Date of JavaScript can hold. */
const DATE_RANGE = '-8640000000000000000 AND 8640000000000000999';

function momentSql(sql: string, zone: string): string {
  const year = `year(${sql})`;
  const years = `CASE WHEN ${year} BETWEEN 0 AND 9999 THEN printf('%04d', ${year}) WHEN ${year} > 0 THEN printf('+%06d', ${year}) ELSE printf('-%06d', -${year}) END`;
  const fraction = `rtrim(rtrim(printf('.%06d', microsecond(${sql}) % 1000000), '0'), '.')`;
  const iso = `(${years}) || strftime(${sql}, '-%m-%dT%H:%M:%S') || ${fraction} || '${zone}'`;
  const farOff = `coalesce(CAST(epoch_us(${sql}) AS VARCHAR), CASE WHEN ${sql} > TIMESTAMP '1970-01-01' THEN '9223372036854775807' ELSE '-9223372036854775807' END) || 'us'`;
  return `CASE WHEN ${sql} IS NULL THEN NULL WHEN epoch_us(${sql}) BETWEEN ${DATE_RANGE} THEN ${iso} ELSE ${farOff} END`;
}
