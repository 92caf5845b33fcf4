import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { HakiriError, PROVENANCE_COLUMNS, quoteIdentifier, quoteLiteral } from '@hakiri/core';
import type { CiteSession } from '../cite/cite-session.ts';
import { type CheckedQuery, checkQuery } from '../gate/query-gate.ts';
import type { Session, SessionQuery } from '../protocol.ts';
import { openInstance, PARSER_SETTINGS, sessionSettings } from './instance.ts';
import { queryError, unknownColumn } from './query-error.ts';
import { createRelation, relationNames } from './relations.ts';

/** A locked session and the query that was found fit to run in it. */
export interface OpenSession {
  readonly connection: DuckDBConnection;
  /** Holds nothing; for trees only. */
  readonly parser: DuckDBConnection;
  readonly query: CheckedQuery;
}

type AskedSession = Session & Pick<SessionQuery, 'inOrder'>;

interface Opened {
  readonly instance: DuckDBInstance;
  readonly connection: DuckDBConnection;
}

let parser: Promise<DuckDBConnection> | undefined;
let fresh: Promise<Opened> | undefined;

/** Text is parsed apart from everything that it could be about. */
function openParser(): Promise<DuckDBConnection> {
  parser ??= openInstance(PARSER_SETTINGS).then(async ({ connection }) => {
    await connection.run('SET enable_external_access = false');
    await connection.run('SET lock_configuration = true');
    return connection;
  });
  return parser;
}

/** Opened before it is asked for, since that takes longer than most questions; each serves one session. */
function openFresh(): Promise<Opened> {
  fresh ??= openInstance(sessionSettings());
  return fresh;
}

/** Loads what the first query would otherwise wait for. */
export async function warmSession(): Promise<void> {
  await Promise.all([openParser(), openFresh()]);
}

/**
 * Has one SELECT used in a fresh instance that holds the views and relations it names, may open exactly the session's
 * files, and can be told nothing more once locked.
 * @throws HakiriError query.*, store.damaged
 */
export async function withSession<T>(
  session: Session,
  use: (open: OpenSession) => Promise<T>,
  cite?: CiteSession,
): Promise<T> {
  const views = new Map(session.views.map((statement) => [viewName(statement), statement]));
  let opened: Opened | undefined;
  try {
    const parser = await openParser();
    const query = await checkQuery(parser, session.sql, [
      ...views.keys(),
      ...relationNames(session.relations ?? [], views),
    ]);
    opened = await openFresh();
    fresh = undefined;
    const statements = neededViews(views, query.relations).flatMap(([name, statement]) =>
      cite?.bases.has(name) ? citedView(name, statement, cite) : [statement],
    );
    await lockSession(opened.connection, session, statements, query.relations);
    return await use({ connection: opened.connection, parser, query });
  } catch (error) {
    if (opened === undefined || unknownColumn(error) === undefined) throw queryError(error, []);
    throw queryError(error, await columnsOf(opened.connection));
  } finally {
    opened?.connection.closeSync();
    opened?.instance.closeSync();
    // After the answer has gone out.
    setImmediate(() => void openFresh().catch(() => {}));
  }
}

async function columnsOf(connection: DuckDBConnection): Promise<readonly string[]> {
  const reader = await connection.runAndReadAll(
    'SELECT DISTINCT column_name FROM duckdb_columns() WHERE NOT internal ORDER BY 1',
  );
  return reader.getRows().map(([name]) => String(name));
}

const VIEW_NAME =
  /^\s*CREATE\s+(?:OR\s+REPLACE\s+)?(?:TEMP(?:ORARY)?\s+)?VIEW\s+(?:"((?:[^"]|"")+)"|([A-Za-z_]\w*))\s+AS\b/i;

/** Statements are our own program's. */
function viewName(statement: string): string {
  const match = VIEW_NAME.exec(statement);
  const name = match?.[1]?.replaceAll('""', '"') ?? match?.[2];
  if (name === undefined) throw new HakiriError('internal', 'A session was given a view without a name');
  return name;
}

/** To make a view is to open its files: those that the query does not need are left out. */
function neededViews(
  views: ReadonlyMap<string, string>,
  named: ReadonlySet<string>,
): readonly (readonly [string, string])[] {
  const needed = new Set([...named].filter((name) => views.has(name)));
  // A view may be written over others; each is looked at once, also those added meanwhile.
  for (const name of needed) {
    const statement = (views.get(name) ?? '').toLowerCase();
    for (const other of views.keys()) if (statement.includes(other.toLowerCase())) needed.add(other);
  }
  return [...views].filter(([name]) => needed.has(name));
}

/** The view under a name of its own, where its sources are read, and what the query sees of it. */
function citedView(
  name: string,
  statement: string,
  { bases, seesProvenance }: CiteSession,
): readonly string[] {
  const base = quoteIdentifier(bases.get(name) ?? '');
  const columns = PROVENANCE_COLUMNS.map((column) => quoteIdentifier(column.name)).join(', ');
  const shown = seesProvenance ? '*' : `* EXCLUDE (${columns})`;
  return [
    statement.replace(VIEW_NAME, () => `CREATE VIEW ${base} AS`),
    `CREATE VIEW ${quoteIdentifier(name)} AS SELECT ${shown} FROM ${base}`,
  ];
}

async function lockSession(
  connection: DuckDBConnection,
  { relations = [], allowedPaths, inOrder = false }: AskedSession,
  statements: readonly string[],
  named: ReadonlySet<string>,
): Promise<void> {
  if (inOrder) await connection.run('SET threads = 1');
  await connection.run(`SET allowed_paths = [${allowedPaths.map(quoteLiteral).join(', ')}]`);
  for (const relation of relations) {
    if (named.has(relation.name)) await createRelation(connection, relation);
  }
  try {
    for (const statement of statements) await connection.run(statement);
  } catch (error) {
    throw new HakiriError('store.damaged', 'A file of the store is missing or damaged', { cause: error });
  }
  await connection.run('SET enable_external_access = false');
  await connection.run('SET lock_configuration = true');
}
