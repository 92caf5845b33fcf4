import {
  type Column,
  EMPTY_SCHEMA,
  findColumn,
  HakiriError,
  isInteger,
  JSON_TYPE,
  type LogicalType,
  mergeSchemas,
  sameType,
  type TableSchema,
  type TableTarget,
  typeName,
} from '@hakiri/core';

export interface NextSchema {
  readonly schema: TableSchema;
  readonly changes: readonly string[];
}

/**
 * The table's schema once it holds `incoming` as well.
 * @throws HakiriError schema.conflict, schema.key_missing
 */
export function nextSchema(current: TableSchema, incoming: TableSchema, target: TableTarget): NextSchema {
  const prepared = {
    columns: current.columns.map((column) => ({
      ...column,
      type: declaredOver(column.name, column.type, target),
    })),
  };
  // After a transform a column is what the transform makes of it, whatever was declared for its input.
  const declared = target.transform === undefined ? target.declared : EMPTY_SCHEMA;
  const arriving = current.columns.length === 0 ? keyFirst(incoming, target.primaryKey) : incoming;
  const merged = mergeSchemas(prepared, arriving, declared);
  const schema = merged.conflicts.reduce((so, { column, existing, have, got }) => {
    if (column === existing && target.onConflict === 'json') return retype(so, existing, JSON_TYPE);
    throw conflict(target, existing, have, got);
  }, merged.schema);
  requireKey(schema, target);
  requireSteadyOrder(current, schema, target);
  const widened = mergedChanges(current, prepared);
  return { schema, changes: [...widened, ...merged.changes, ...mergedChanges(merged.schema, schema)] };
}

/** A new table starts with what tells its rows apart. */
function keyFirst({ columns }: TableSchema, primaryKey: readonly string[]): TableSchema {
  const isKey = ({ name }: Column): boolean => primaryKey.includes(name);
  return { columns: [...columns.filter(isKey), ...columns.filter((column) => !isKey(column))] };
}

/**
 * A declaration may ask for more than a lossless widening: someone has decided that the column is a double, text
 * or JSON from now on.
 */
function declaredOver(name: string, have: LogicalType, target: TableTarget): LogicalType {
  const wanted = target.transform === undefined ? findColumn(target.declared, name)?.type : undefined;
  if (!wanted || sameType(have, wanted)) return have;
  const allowed =
    wanted.kind === 'json' ||
    (isInteger(have) && wanted.kind === 'double') ||
    (isScalar(have) && wanted.kind === 'string');
  return allowed ? wanted : have;
}

const isScalar = ({ kind }: LogicalType): boolean => !['list', 'struct', 'json', 'bytes'].includes(kind);

function retype(schema: TableSchema, name: string, type: LogicalType): TableSchema {
  return { columns: schema.columns.map((column) => (column.name === name ? { name, type } : column)) };
}

function mergedChanges(before: TableSchema, after: TableSchema): readonly string[] {
  return after.columns.flatMap(({ name, type }) => {
    const old = findColumn(before, name)?.type;
    return old && !sameType(old, type) ? [`${name} ${typeName(old)} -> ${typeName(type)}`] : [];
  });
}

function conflict(target: TableTarget, column: string, have: LogicalType, got: LogicalType): HakiriError {
  return new HakiriError(
    'schema.conflict',
    `Column ${column} of table ${target.table} is ${typeName(have)} and cannot take ${typeName(got)}`,
    { details: { table: target.table, column } },
  );
}

function requireKey(schema: TableSchema, { primaryKey, table }: TableTarget): void {
  const missing = primaryKey.find((name) => !findColumn(schema, name));
  if (missing === undefined) return;
  throw new HakiriError(
    'schema.key_missing',
    `Table ${table} has no column ${missing}, which is part of its primary key`,
    {
      hint: `Correct primary_key. The columns are: ${schema.columns.map(({ name }) => name).join(', ')}.`,
    },
  );
}

/** Order keys of different kinds do not compare: what decides who wins cannot change its kind. */
function requireSteadyOrder(
  current: TableSchema,
  next: TableSchema,
  { incremental, table }: TableTarget,
): void {
  const column = incremental?.split('.')[0];
  const before = column === undefined ? undefined : findColumn(current, column)?.type;
  const after = column === undefined ? undefined : findColumn(next, column)?.type;
  if (!before || !after || before.kind === 'undecided' || sameType(before, after)) return;
  if ((isInteger(before) && isInteger(after)) || before.kind === 'struct') return;
  throw new HakiriError(
    'schema.conflict',
    `Column ${column} decides which row of ${table} is newer, so its type cannot change from ${typeName(before)} to ${typeName(after)}`,
    { hint: 'Give the table another name, and let it fill again.' },
  );
}
