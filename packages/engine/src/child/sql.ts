import type { DuckDBConnection, DuckDBType } from '@duckdb/node-api';
import { HakiriError, type JsonValue, quoteLiteral } from '@hakiri/core';
import type { QueryResult, Session, SessionQuery } from '../protocol.ts';
import { openInstance, sessionSettings } from './instance.ts';
import { jsonValue } from './json-value.ts';

/** Loads what the first query would otherwise wait for. */
export async function warmSession(): Promise<void> {
  const { instance, connection } = await openInstance(sessionSettings());
  connection.closeSync();
  instance.closeSync();
}

/** @throws HakiriError query.* */
export function runSessionQuery(query: SessionQuery): Promise<QueryResult> {
  return withSession(query, (connection) => collect(connection, query), query.inOrder === true);
}

/**
 * Has one SELECT used in a fresh instance that holds the session's views, may open exactly their files, and can be
 * told nothing more once locked.
 */
export async function withSession<T>(
  session: Session,
  use: (connection: DuckDBConnection) => Promise<T>,
  inOrder = false,
): Promise<T> {
  const settings = sessionSettings();
  const { instance, connection } = await openInstance(inOrder ? { ...settings, threads: '1' } : settings);
  try {
    await requireOneSelect(connection, session.sql);
    await lockSession(connection, session);
    return await use(connection);
  } catch (error) {
    throw queryError(error);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** @throws HakiriError query.not_select, query.invalid */
async function requireOneSelect(connection: DuckDBConnection, sql: string): Promise<void> {
  const reader = await connection.runAndReadAll('SELECT json_serialize_sql($1::VARCHAR)::VARCHAR', [sql]);
  const tree = JSON.parse(String(reader.getRows()[0]?.[0])) as {
    error: boolean;
    error_type?: string;
    error_message?: string;
    position?: string;
    statements?: unknown[];
  };
  if (!tree.error) {
    if (tree.statements?.length !== 1)
      throw new HakiriError('query.not_select', 'The query is not one statement');
    return;
  }
  if (tree.error_type === 'parser') {
    const position = tree.position === undefined ? '' : ` (at character ${Number(tree.position) + 1})`;
    throw new HakiriError('query.invalid', `${tree.error_message}${position}`);
  }
  throw new HakiriError('query.not_select', 'The query is not a SELECT');
}

async function lockSession(connection: DuckDBConnection, { views, allowedPaths }: Session): Promise<void> {
  await connection.run(`SET allowed_paths = [${allowedPaths.map(quoteLiteral).join(', ')}]`);
  try {
    for (const view of views) await connection.run(view);
  } catch (error) {
    throw new HakiriError('store.damaged', 'A file of the store is missing or damaged', { cause: error });
  }
  await connection.run('SET enable_external_access = false');
  await connection.run('SET lock_configuration = true');
}

async function collect(
  connection: DuckDBConnection,
  { sql, maxRows, maxBytes, skipRows = 0 }: SessionQuery,
): Promise<QueryResult> {
  const result = await connection.stream(sql);
  const types = result.columnTypes();
  const names = result.deduplicatedColumnNames();
  const columns = names.map((name, i) => ({ name, type: String(types[i]) }));
  const rows: JsonValue[][] = [];
  let bytes = 0;
  let toSkip = skipRows;
  for await (const chunk of result) {
    for (const row of chunk.getRows()) {
      if (toSkip > 0) {
        toSkip--;
        continue;
      }
      const encoded = row.map((cell, i) => jsonValue(cell, types[i] as DuckDBType));
      bytes += JSON.stringify(encoded).length;
      if (rows.length >= maxRows) return { columns, rows, truncated: 'rows' };
      if (bytes > maxBytes) return { columns, rows, truncated: 'bytes' };
      rows.push(encoded);
    }
  }
  return { columns, rows, truncated: false };
}

/** Sanitised: an engine message can quote a value or a path. */
function queryError(error: unknown): HakiriError {
  if (error instanceof HakiriError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const firstLine = (message.split('\n')[0] ?? '').replace(/^[A-Za-z ]+ Error: /, '');
  if (/^Permission Error/.test(message)) {
    return new HakiriError('query.refused', 'The query tried to reach a file, a setting or the network', {
      cause: error,
    });
  }
  if (/^Catalog Error: Table with name/.test(message)) {
    const name = /Table with name (\S+)/.exec(message)?.[1] ?? '';
    return new HakiriError('query.unknown_table', `There is no table "${name}"`, { cause: error });
  }
  if (
    /^Binder Error: Referenced column/.test(message) ||
    /^Binder Error: Table ".*" does not have a column/.test(message)
  ) {
    const candidates = /Candidate bindings: (.*)/.exec(message)?.[1];
    return new HakiriError('query.unknown_column', firstLine, {
      cause: error,
      ...(candidates ? { hint: `Did you mean ${candidates.replaceAll('"', '').slice(0, 200)}?` } : {}),
    });
  }
  // Binding and parsing look at the query's own text only.
  if (/^(Binder|Parser|Catalog) Error/.test(message))
    return new HakiriError('query.invalid', firstLine, { cause: error });
  if (/^Out of Memory Error/.test(message)) {
    return new HakiriError('engine.out_of_memory', 'The query needs more memory than it may take', {
      cause: error,
      hint: 'Narrow it: fewer columns, a filter, or a LIMIT.',
    });
  }
  if (/ENOSPC|EDQUOT|No space left|Disk quota exceeded/i.test(message)) {
    return new HakiriError('store.disk_full', 'The disk filled up', { cause: error });
  }
  if (/^(IO|Serialization) Error/.test(message)) {
    return new HakiriError('store.damaged', 'A file of the store is missing or damaged', { cause: error });
  }
  const kind = /^([A-Za-z ]+ Error)/.exec(message)?.[1] ?? 'Error';
  return new HakiriError('query.failed', `The query failed on a value (${kind})`, { cause: error });
}
