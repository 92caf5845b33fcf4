import { type LogicalType, sameType, typeName } from './logical-type.ts';
import { type Column, EMPTY_SCHEMA, type TableSchema } from './table-schema.ts';
import { widen } from './widen.ts';

export interface SchemaConflict {
  readonly column: string;
  /** The column of the table it clashes with: another name only when the two differ in nothing but case. */
  readonly existing: string;
  readonly have: LogicalType;
  readonly got: LogicalType;
}

export interface MergedSchema {
  readonly schema: TableSchema;
  /** In words: `+ column milestone json`, `id int32 -> int64`, `+ field user.type string`. */
  readonly changes: readonly string[];
  /** Columns that could not be merged: the schema keeps what the table had. */
  readonly conflicts: readonly SchemaConflict[];
}

/**
 * The schema that holds what a table has and what comes in. Columns keep their order: the table's own first,
 * then new ones as they come in, then columns that are only declared. A declared column has its declared type
 * whatever comes in (values that do not fit it are the engine's business); it is a conflict only when that type
 * cannot hold what the table already has.
 */
export function mergeSchemas(
  current: TableSchema,
  incoming: TableSchema,
  declared: TableSchema = EMPTY_SCHEMA,
): MergedSchema {
  const merged = new Map<string, Column>(current.columns.map((column) => [fold(column.name), column]));
  const fixed = new Map(declared.columns.map((column) => [fold(column.name), column]));
  const conflicts: SchemaConflict[] = [];

  const take = (column: Column): void => {
    const have = merged.get(fold(column.name));
    if (have === undefined) {
      merged.set(fold(column.name), column);
      return;
    }
    const type = have.name === column.name ? widen(have.type, column.type) : undefined;
    const isFixed = fixed.has(fold(column.name));
    if (type === undefined || (isFixed && !sameType(type, column.type))) {
      conflicts.push({ column: column.name, existing: have.name, have: have.type, got: column.type });
    } else {
      merged.set(fold(column.name), { name: have.name, type });
    }
  };

  const pending = new Map(fixed);
  for (const column of incoming.columns) {
    const own = fixed.get(fold(column.name));
    if (own === undefined) {
      take(column);
    } else {
      if (pending.delete(fold(own.name))) take(own);
      if (own.name !== column.name) {
        conflicts.push({ column: column.name, existing: own.name, have: own.type, got: column.type });
      }
    }
  }
  for (const column of pending.values()) take(column);

  const schema = { columns: [...merged.values()] };
  return { schema, changes: describeChanges(current, schema), conflicts };
}

/** What makes `after` another schema than `before`, a line a column or field. `after` must come from a merge. */
function describeChanges(before: TableSchema, after: TableSchema): readonly string[] {
  const had = new Map(before.columns.map((column) => [column.name, column.type]));
  return after.columns.flatMap(({ name, type }) => {
    const old = had.get(name);
    return old === undefined ? [`+ column ${name} ${typeName(type)}`] : describeChange(name, old, type);
  });
}

function describeChange(path: string, before: LogicalType, after: LogicalType): readonly string[] {
  if (sameType(before, after)) return [];
  if (before.kind === 'list' && after.kind === 'list') {
    return describeChange(`${path}[]`, before.item, after.item);
  }
  if (before.kind === 'struct' && after.kind === 'struct') {
    const had = new Map(before.fields.map((field) => [field.name, field.type]));
    return after.fields.flatMap((field) => {
      const old = had.get(field.name);
      const inner = `${path}.${field.name}`;
      return old === undefined
        ? [`+ field ${inner} ${typeName(field.type)}`]
        : describeChange(inner, old, field.type);
    });
  }
  return [`${path} ${typeName(before)} -> ${typeName(after)}`];
}

/** Columns do not tell case apart, in the engine as in SQL. */
function fold(name: string): string {
  return name.toLowerCase();
}
