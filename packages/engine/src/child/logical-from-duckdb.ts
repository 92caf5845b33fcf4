import { type DuckDBPreparedStatement, type DuckDBType, DuckDBTypeId } from '@duckdb/node-api';
import { JSON_TYPE, type LogicalType, type TableSchema, UNDECIDED } from '@hakiri/core';

const SCALARS: ReadonlyMap<DuckDBTypeId, LogicalType> = new Map<DuckDBTypeId, LogicalType>([
  [DuckDBTypeId.SQLNULL, UNDECIDED],
  [DuckDBTypeId.BOOLEAN, { kind: 'boolean' }],
  [DuckDBTypeId.TINYINT, { kind: 'int8' }],
  [DuckDBTypeId.SMALLINT, { kind: 'int16' }],
  [DuckDBTypeId.INTEGER, { kind: 'int32' }],
  [DuckDBTypeId.BIGINT, { kind: 'int64' }],
  // Unsigned types take the next signed size that holds them all.
  [DuckDBTypeId.UTINYINT, { kind: 'int16' }],
  [DuckDBTypeId.USMALLINT, { kind: 'int32' }],
  [DuckDBTypeId.UINTEGER, { kind: 'int64' }],
  [DuckDBTypeId.UBIGINT, { kind: 'decimal', precision: 20, scale: 0 }],
  [DuckDBTypeId.HUGEINT, { kind: 'string' }],
  [DuckDBTypeId.UHUGEINT, { kind: 'string' }],
  [DuckDBTypeId.FLOAT, { kind: 'double' }],
  [DuckDBTypeId.DOUBLE, { kind: 'double' }],
  [DuckDBTypeId.VARCHAR, { kind: 'string' }],
  [DuckDBTypeId.ENUM, { kind: 'string' }],
  [DuckDBTypeId.UUID, { kind: 'string' }],
  [DuckDBTypeId.INTERVAL, { kind: 'string' }],
  [DuckDBTypeId.BIT, { kind: 'string' }],
  [DuckDBTypeId.BLOB, { kind: 'bytes' }],
  [DuckDBTypeId.DATE, { kind: 'date' }],
  [DuckDBTypeId.TIME, { kind: 'time' }],
  [DuckDBTypeId.TIMESTAMP, { kind: 'datetime' }],
  [DuckDBTypeId.TIMESTAMP_S, { kind: 'datetime' }],
  [DuckDBTypeId.TIMESTAMP_MS, { kind: 'datetime' }],
  [DuckDBTypeId.TIMESTAMP_NS, { kind: 'datetime' }],
  [DuckDBTypeId.TIMESTAMP_TZ, { kind: 'timestamp' }],
]);

/** Our type for an engine's; what has no close relative becomes JSON. */
function logicalFromDuckDb(type: DuckDBType): LogicalType {
  switch (type.typeId) {
    case DuckDBTypeId.VARCHAR:
      return type.alias === 'JSON' ? JSON_TYPE : { kind: 'string' };
    case DuckDBTypeId.DECIMAL:
      return { kind: 'decimal', precision: type.width, scale: type.scale };
    case DuckDBTypeId.LIST:
    case DuckDBTypeId.ARRAY:
      return { kind: 'list', item: logicalFromDuckDb(type.valueType) };
    case DuckDBTypeId.STRUCT:
      return {
        kind: 'struct',
        fields: type.entryNames.map((name, i) => ({
          name,
          type: logicalFromDuckDb(type.entryTypes[i] as DuckDBType),
        })),
      };
    default:
      return SCALARS.get(type.typeId) ?? JSON_TYPE;
  }
}

/** What a statement would give. */
export function preparedSchema(prepared: DuckDBPreparedStatement): TableSchema {
  return {
    columns: Array.from({ length: prepared.columnCount }, (_, i) => ({
      name: prepared.columnName(i),
      type: logicalFromDuckDb(prepared.columnType(i)),
    })),
  };
}
