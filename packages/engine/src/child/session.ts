import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import {
  HakiriError,
  PROVENANCE_COLUMNS,
  quoteIdentifier,
  quoteLiteral,
  RESERVED_PREFIX,
} from '@hakiri/core';
import { type CiteSession, freshPrefix } from '../cite/cite-session.ts';
import { aggregatesOnly } from '../gate/aggregate-only.ts';
import { type CheckedQuery, checkQuery } from '../gate/query-gate.ts';
import { textOfTree } from '../gate/round-trip.ts';
import type { TreeNode } from '../gate/tree.ts';
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
  /** The tree as it came; that of `query` may have been made narrower. */
  readonly asked: TreeNode;
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
  let named: ReadonlySet<string> = new Set();
  try {
    const parser = await openParser();
    const shown = [...views.keys()].filter((name) => !name.startsWith(RESERVED_PREFIX));
    const asked = await checkQuery(parser, session.sql, [
      ...shown,
      ...relationNames(session.relations ?? [], views),
    ]);
    named = asked.relations;
    opened = await openFresh();
    fresh = undefined;
    const { connection } = opened;
    const statements = neededViews(views, asked.relations).flatMap(([name, statement]) =>
      cite?.bases.has(name) ? citedView(name, statement, cite) : [statement],
    );
    await lockSession(connection, session, statements, asked.relations);
    const query = await limited(connection, parser, asked, session);
    return await use({ connection, parser, query, asked: asked.statement });
  } catch (error) {
    if (opened === undefined || unknownColumn(error) === undefined) throw queryError(error, []);
    throw queryError(
      error,
      (await columnsOf(opened.connection, named)).map(({ column }) => column),
    );
  } finally {
    opened?.connection.closeSync();
    opened?.instance.closeSync();
    // After the answer has gone out.
    setImmediate(() => void openFresh().catch(() => {}));
  }
}

/** The query over tables of which only aggregates are given. */
async function limited(
  connection: DuckDBConnection,
  parser: DuckDBConnection,
  query: CheckedQuery,
  { aggregateOnly = {}, bases = {} }: Session,
): Promise<CheckedQuery> {
  const tables = Object.entries(aggregateOnly).filter(([name]) => query.relations.has(name));
  if (tables.length === 0) return query;
  const columns = new Map<string, Map<string, string>>();
  for (const { relation, column, type } of await columnsOf(connection, query.relations)) {
    const own = columns.get(relation.toLowerCase()) ?? new Map<string, string>();
    columns.set(relation.toLowerCase(), own.set(column.toLowerCase(), type));
  }
  const statement = await aggregatesOnly(parser, query.statement, {
    tables: new Map(tables.map(([name, rule]) => [name.toLowerCase(), { ...rule, base: bases[name] }])),
    relations: new Set([...query.relations].map((name) => name.toLowerCase())),
    columns,
    prefix: freshPrefix(),
  });
  return { ...query, statement, sql: await textOfTree(parser, statement) };
}

interface RelationColumn {
  readonly relation: string;
  readonly column: string;
  readonly type: string;
}

/** Of what the query names: there is more in the session that it must not hear of. */
async function columnsOf(
  connection: DuckDBConnection,
  named: ReadonlySet<string>,
): Promise<readonly RelationColumn[]> {
  const reader = await connection.runAndReadAll(
    'SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal ORDER BY 2',
  );
  return reader.getRows().flatMap(([relation, column, type]) => {
    const isNamed = named.has(String(relation));
    return isNamed ? [{ relation: String(relation), column: String(column), type: String(type) }] : [];
  });
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
