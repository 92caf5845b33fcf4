import type { DuckDBConnection } from '@duckdb/node-api';
import { type LogicalType, quoteLiteral, sqlType, type TableSchema, typeName } from '@hakiri/core';
import { wideType } from './wide-type.ts';

interface LocatedMisfit {
  /** Line of the spool, from 0. */
  readonly line: number;
  readonly column: string;
  readonly expected: string;
}

/**
 * Which lines of a spool hold a value that does not fit its column. Every line must be JSON already. Reads each
 * value on its own, so it costs several times a conversion: asked only after one has failed.
 */
export async function findMisfits(
  connection: DuckDBConnection,
  path: string,
  schema: TableSchema,
  maximumObjectSize: number,
): Promise<readonly LocatedMisfit[]> {
  const columns = schema.columns.filter(({ type }) => type.kind !== 'undecided' && type.kind !== 'json');
  if (columns.length === 0) return [];
  const lines = `read_json_objects(${quoteLiteral(path)}, format='newline_delimited', maximum_object_size=${maximumObjectSize})`;
  const tests = columns.map(({ name, type }, i) => {
    const value = `json_extract(json, ${quoteLiteral(`$.${JSON.stringify(name)}`)})`;
    return `coalesce(json_type(${value}), 'NULL') <> 'NULL' AND ${misfit(value, type)} AS c${i}`;
  });
  const anyTest = columns.map((_, i) => `c${i}`).join(' OR ');
  const sql = `WITH numbered AS (SELECT row_number() OVER () - 1 AS line, json FROM ${lines}),
tested AS (SELECT line, ${tests.join(', ')} FROM numbered)
SELECT * FROM tested WHERE ${anyTest} ORDER BY line`;
  const reader = await connection.runAndReadAll(sql);
  return reader.getRows().flatMap(([line, ...flags]) => {
    const column = columns[flags.indexOf(true)];
    return column ? [{ line: Number(line), column: column.name, expected: typeName(column.type) }] : [];
  });
}

/** SQL that is true where the JSON value does not fit the type exactly. */
function misfit(value: string, type: LogicalType): string {
  const text = `json_extract_string(${value}, '$')`;
  switch (type.kind) {
    case 'string':
      return 'false';
    case 'boolean':
      return `json_type(${value}) <> 'BOOLEAN'`;
    case 'int8':
    case 'int16':
    case 'int32':
    case 'int64':
      return `(NOT regexp_full_match(${text}, '-?[0-9]+(\\.0+)?') OR TRY_CAST(${text} AS ${sqlType(type)}) IS NULL)`;
    case 'list':
    case 'struct':
      return nestedMisfit(value, type);
    default:
      return `TRY_CAST(${text} AS ${sqlType(type)}) IS NULL`;
  }
}

/** A cast inside an object is as silent as outside it: 2.5 is an int64 2. Read wide as well, and compare. */
function nestedMisfit(value: string, type: LogicalType): string {
  const read = (as: LogicalType) =>
    `TRY(json_transform_strict(${value}, ${quoteLiteral(JSON.stringify(structure(as)))}))`;
  const wide = wideType(type);
  return `(${read(type)} IS NULL OR ${read(type)}::${sqlType(wide)} IS DISTINCT FROM ${read(wide)})`;
}

/** The form json_transform takes: objects and one-element arrays with type names at the leaves. */
function structure(type: LogicalType): unknown {
  if (type.kind === 'list') return [structure(type.item)];
  if (type.kind === 'struct') return Object.fromEntries(type.fields.map((f) => [f.name, structure(f.type)]));
  return sqlType(type);
}
