import {
  type CatalogPart,
  type CatalogTable,
  type LogicalType,
  PROVENANCE_COLUMNS,
  quoteIdentifier,
  quoteLiteral,
  sqlType,
  type TableSchema,
} from '@hakiri/core';

export interface ViewOptions {
  /** How a part's path is written in the statement. */
  readonly path: (relative: string) => string;
  /** Whether the `_hakiri_` columns are there. */
  readonly provenance: boolean;
}

/**
 * The table as one row a key: files are listed, never globbed, and every column is cast by name, so that parts
 * written under older schemas read as the newest one. The row with the greatest `_hakiri_order` wins.
 */
export function viewStatement(table: CatalogTable, { path, provenance }: ViewOptions): string {
  const own = table.schema.columns.map(({ name }) => quoteIdentifier(name));
  const shown = [...own, ...(provenance ? PROVENANCE_COLUMNS.map(({ name }) => quoteIdentifier(name)) : [])];
  const sources = partsBySchema(table.parts).map(({ columns, parts }) =>
    selectParts(table.schema, columns, parts, path),
  );
  const all = sources.length > 0 ? sources.join('\n  UNION ALL\n') : selectNothing(table.schema);
  const list = shown.length > 0 ? shown.join(', ') : 'NULL AS "_hakiri_none"';
  return `CREATE OR REPLACE VIEW ${quoteIdentifier(table.name)} AS
SELECT ${list} FROM (
  SELECT * FROM (
${all}
  )${winner(table)}
) WHERE NOT "_hakiri_deleted";
`;
}

/** In a table without a key every row stands for itself. */
function winner({ primaryKey, mode }: CatalogTable): string {
  if (mode === 'append' || primaryKey.length === 0) return '';
  const key = primaryKey.map(quoteIdentifier).join(', ');
  return `\n  QUALIFY row_number() OVER (PARTITION BY ${key} ORDER BY "_hakiri_order" DESC) = 1`;
}

function partsBySchema(parts: readonly CatalogPart[]) {
  const groups = new Map<string, { readonly columns: TableSchema; readonly parts: CatalogPart[] }>();
  for (const part of parts) {
    const group = groups.get(part.schema) ?? { columns: part.columns, parts: [] };
    group.parts.push(part);
    groups.set(part.schema, group);
  }
  return [...groups.values()];
}

function selectParts(
  schema: TableSchema,
  held: TableSchema,
  parts: readonly CatalogPart[],
  path: ViewOptions['path'],
): string {
  const heldTypes = new Map(held.columns.map(({ name, type }) => [name, type]));
  const columns = schema.columns.map(
    ({ name, type }) => `${columnSql(name, heldTypes.get(name), type)} AS ${quoteIdentifier(name)}`,
  );
  const provenance = PROVENANCE_COLUMNS.map(({ name }) => quoteIdentifier(name));
  const files = parts.map((part) => quoteLiteral(path(part.path))).join(', ');
  return `    SELECT ${[...columns, ...provenance].join(', ')}\n    FROM read_parquet([${files}])`;
}

function columnSql(name: string, held: LogicalType | undefined, type: LogicalType): string {
  const identifier = quoteIdentifier(name);
  if (held === undefined || held.kind === 'undecided') return `CAST(NULL AS ${sqlType(type)})`;
  // Casting text to JSON would parse it; it has to become a JSON string.
  if (type.kind === 'json' && held.kind !== 'json') return `to_json(${identifier})`;
  return `CAST(${identifier} AS ${sqlType(type)})`;
}

function selectNothing(schema: TableSchema): string {
  const columns = [...schema.columns, ...PROVENANCE_COLUMNS].map(
    ({ name, type }) => `CAST(NULL AS ${sqlType(type)}) AS ${quoteIdentifier(name)}`,
  );
  return `    SELECT ${columns.join(', ')} WHERE false`;
}
