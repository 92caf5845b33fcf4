import {
  HakiriError,
  type LogicalType,
  nearestNames,
  quoteIdentifier,
  quoteLiteral,
  type TableSchema,
} from '@hakiri/core';

/** A column, or a field in one; a column whose own name has dots is found first. */
export interface ColumnPath {
  readonly path: readonly string[];
  readonly type: LogicalType;
}

export function lookUpPath(name: string, schema: TableSchema): ColumnPath | undefined {
  const whole = schema.columns.find((column) => column.name === name);
  if (whole) return { path: [whole.name], type: whole.type };
  const [first = '', ...rest] = name.split('.');
  let type: LogicalType | undefined = schema.columns.find((column) => column.name === first)?.type;
  for (const field of rest) {
    type = type?.kind === 'struct' ? type.fields.find((known) => known.name === field)?.type : undefined;
  }
  return type && { path: [first, ...rest], type };
}

/** @throws HakiriError query.unknown_column with the nearest names */
export function findPath(name: string, schema: TableSchema, others: readonly string[] = []): ColumnPath {
  const found = lookUpPath(name, schema);
  if (found) return found;
  const near = nearestNames(name, [...pathsOf(schema), ...others]);
  throw new HakiriError('query.unknown_column', `There is no column "${name}"`, {
    ...(near.length > 0 ? { hint: `Did you mean ${near.join(' or ')}?` } : {}),
  });
}

/** Never `a.b`: that could also be a column of a table named `a`. */
export function pathSql({ path: [first = '', ...fields] }: ColumnPath): string {
  return fields.reduce(
    (sql, field) => `struct_extract(${sql}, ${quoteLiteral(field)})`,
    quoteIdentifier(first),
  );
}

export interface OrderTerm {
  readonly name: string;
  readonly descending: boolean;
}

/** @throws HakiriError query.invalid */
export function parseOrder(entry: string): OrderTerm {
  const match = /^(.+?)(?:\s+(asc|desc))?$/i.exec(entry.trim());
  if (match?.[1]) return { name: match[1], descending: match[2]?.toLowerCase() === 'desc' };
  throw new HakiriError('query.invalid', `"${entry}" is not an order`, {
    hint: 'Write a column, then asc or desc: "updated_at desc".',
  });
}

function pathsOf(schema: TableSchema): readonly string[] {
  const paths: string[] = [];
  const visit = (path: string, type: LogicalType): void => {
    paths.push(path);
    if (type.kind === 'struct') for (const field of type.fields) visit(`${path}.${field.name}`, field.type);
  };
  for (const { name, type } of schema.columns) visit(name, type);
  return paths;
}
