import type { DuckDBConnection } from '@duckdb/node-api';
import {
  HakiriError,
  type JsonValue,
  type LogicalType,
  quoteIdentifier,
  RESERVED_PREFIX,
  sqlType,
} from '@hakiri/core';
import { decoded, spoolType } from '../convert/base64-columns.ts';
import { isPlainName } from '../gate/check-tree.ts';
import { MAX_RELATION_ROWS, type SessionRelation } from '../protocol.ts';

/**
 * @throws HakiriError query.invalid for a name that is no plain name or is taken, and for too many rows
 */
export function relationNames(
  relations: readonly SessionRelation[],
  views: ReadonlyMap<string, unknown>,
): readonly string[] {
  const taken = new Set([...views.keys()].map((name) => name.toLowerCase()));
  return relations.map(({ name, rows }) => {
    if (!isPlainName(name) || name.toLowerCase().startsWith(RESERVED_PREFIX))
      throw new HakiriError('query.invalid', 'A relation of the query has no plain name', {
        hint: 'Use letters, digits and _.',
      });
    if (taken.has(name.toLowerCase()))
      throw new HakiriError('query.invalid', `There are two relations named "${name}"`, {
        hint: 'Give one another name.',
      });
    taken.add(name.toLowerCase());
    if (rows.length > MAX_RELATION_ROWS)
      throw new HakiriError('query.invalid', `"${name}" has more than ${MAX_RELATION_ROWS} rows`);
    return name;
  });
}

/** Values come as text, which every type is read from exactly. */
export async function createRelation(
  connection: DuckDBConnection,
  { name, columns, rows }: SessionRelation,
): Promise<void> {
  const list = columns.map((column, i) => `${fromText(i, column.type)} AS ${quoteIdentifier(column.name)}`);
  await connection.run(
    `CREATE TABLE ${quoteIdentifier(name)} AS SELECT ${list.join(', ')}
     FROM (SELECT unnest(from_json($1, '[["VARCHAR"]]')) AS cells)`,
    [JSON.stringify(rows.map((row) => columns.map((_, i) => cellText(row[i] ?? null))))],
  );
}

function cellText(value: JsonValue): string | null {
  if (value === null) return null;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function fromText(index: number, type: LogicalType): string {
  const cell = `cells[${index + 1}]`;
  const isNested = type.kind === 'list' || type.kind === 'struct';
  const held = sqlType(spoolType(type));
  return decoded(isNested ? `CAST(CAST(${cell} AS JSON) AS ${held})` : `CAST(${cell} AS ${held})`, type);
}
