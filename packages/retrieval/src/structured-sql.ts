import {
  type CatalogTable,
  HakiriError,
  type LogicalType,
  nearestNames,
  PROVENANCE_COLUMNS,
  parsePredicate,
  predicateToSql,
  quoteIdentifier,
  type StructuredRequest,
  type TableSchema,
} from '@hakiri/core';

/**
 * A structured request as SQL over the table's view; every name is looked up in the schema before it is written.
 * @throws HakiriError query.unknown_column, query.invalid, predicate.invalid
 */
export function structuredSql(request: StructuredRequest, table: CatalogTable): string {
  const schema: TableSchema = { columns: [...table.schema.columns, ...PROVENANCE_COLUMNS] };
  const selected = (request.select ?? []).map(
    (path) => `${columnSql(path, schema)} AS ${quoteIdentifier(path)}`,
  );
  const where =
    request.filter === undefined ? '' : ` WHERE ${predicateToSql(parsePredicate(request.filter), schema)}`;
  const order = (request.orderBy ?? []).map((entry) => orderSql(entry, schema));
  const orderBy = order.length > 0 ? ` ORDER BY ${order.join(', ')}` : '';
  return `SELECT ${selected.length > 0 ? selected.join(', ') : '*'} FROM ${quoteIdentifier(table.name)}${where}${orderBy}`;
}

function orderSql(entry: string, schema: TableSchema): string {
  const match = /^(\S+)(?:\s+(asc|desc))?$/i.exec(entry.trim());
  if (!match?.[1]) {
    throw new HakiriError('query.invalid', `"${entry}" is not an order`, {
      hint: 'Write a column, then asc or desc: "updated_at desc".',
    });
  }
  return `${columnSql(match[1], schema)} ${(match[2] ?? 'asc').toUpperCase()} NULLS LAST`;
}

/** A column, or a path into structs; a column whose own name has dots is found first. */
function columnSql(path: string, schema: TableSchema): string {
  const whole = schema.columns.find(({ name }) => name === path);
  if (whole) return quoteIdentifier(whole.name);
  const [first = '', ...rest] = path.split('.');
  let type: LogicalType | undefined = schema.columns.find(({ name }) => name === first)?.type;
  for (const name of rest) {
    type = type?.kind === 'struct' ? type.fields.find((field) => field.name === name)?.type : undefined;
  }
  if (type) return [first, ...rest].map(quoteIdentifier).join('.');
  const near = nearestNames(path, columnPaths(schema));
  throw new HakiriError('query.unknown_column', `There is no column "${path}"`, {
    ...(near.length > 0 ? { hint: `Did you mean ${near.join(' or ')}?` } : {}),
  });
}

function columnPaths(schema: TableSchema): readonly string[] {
  const paths: string[] = [];
  const visit = (path: string, type: LogicalType): void => {
    paths.push(path);
    if (type.kind === 'struct') for (const field of type.fields) visit(`${path}.${field.name}`, field.type);
  };
  for (const { name, type } of schema.columns) visit(name, type);
  return paths;
}
