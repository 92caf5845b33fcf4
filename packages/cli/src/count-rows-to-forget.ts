import {
  AS_OWNER_GRANT,
  HakiriError,
  type JsonValue,
  quoteIdentifier,
  quoteLiteral,
  type Serve,
  type TableDescription,
} from '@hakiri/core';
import type { ForgetRequest } from '@hakiri/store';

export interface RowsToForget {
  readonly table: string;
  /** That the table has now; older versions of them are not counted. */
  readonly rows: number;
}

/** What forgetting would take from what queries see, in tables where it could take something. */
export async function countRowsToForget(
  serve: Serve,
  tables: readonly TableDescription[],
  request: ForgetRequest,
): Promise<readonly RowsToForget[]> {
  const counted: RowsToForget[] = [];
  for (const table of tables) {
    const condition = 'subject' in request ? isAbout(table, request) : hasKey(table, request.keys);
    if (condition === undefined) continue;
    counted.push({ table: table.name, rows: await count(serve, table.name, condition) });
  }
  return counted;
}

async function count(serve: Serve, table: string, condition: string): Promise<number> {
  try {
    const sql = `SELECT count(*) FROM ${quoteIdentifier(table)} WHERE ${condition}`;
    const { rows } = await serve.query({ sql, confidential: true }, AS_OWNER_GRANT);
    return Number(rows[0]?.[0] ?? 0);
  } catch (error) {
    if (!(error instanceof HakiriError) || !error.code.startsWith('query.')) throw error;
    // What the engine says of it could quote the value.
    throw new HakiriError('usage.argument', `the value cannot be one of ${table}`, {
      hint: `\`hakiri describe ${table}\` shows the key and the types of its columns.`,
    });
  }
}

function isAbout(
  table: TableDescription,
  { subject, pseudonyms = [] }: Extract<ForgetRequest, { subject: string }>,
): string | undefined {
  const conditions = table.subjectColumns.flatMap((column) =>
    [subject, ...pseudonyms].flatMap((name) => matches(table, column, quoteLiteral(name)) ?? []),
  );
  return conditions.length === 0 ? undefined : conditions.join(' OR ');
}

/** A column, a field below one, or an item of a list; undefined where the table has no such column yet. */
function matches({ columns }: TableDescription, name: string, literal: string): string | undefined {
  const whole = columns.find((column) => column.name === name);
  const [first = '', ...fields] = name.split('.');
  const column = whole ?? columns.find((candidate) => candidate.name === first);
  if (column === undefined) return undefined;
  const place =
    whole === undefined ? [first, ...fields].map(quoteIdentifier).join('.') : quoteIdentifier(name);
  if (column.type.endsWith('[]')) {
    // Below a list any item counts: looked for as text, which may take too much for a hit, never too little.
    return `contains(CAST(to_json(${quoteIdentifier(column.name)}) AS VARCHAR), substr(CAST(to_json(${literal}) AS VARCHAR), 2, greatest(0, length(CAST(to_json(${literal}) AS VARCHAR)) - 2)))`;
  }
  return `coalesce(CAST(${place} AS VARCHAR) = ${literal}, false)`;
}

function hasKey({ primaryKey }: TableDescription, keys: readonly (readonly JsonValue[])[]): string {
  return keys
    .map((values) =>
      values
        .map((value, i) => `${quoteIdentifier(primaryKey[i] ?? '')} = ${quoteLiteral(String(value))}`)
        .join(' AND '),
    )
    .map((condition) => `(${condition})`)
    .join(' OR ');
}
