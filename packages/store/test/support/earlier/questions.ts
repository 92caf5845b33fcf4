import { DatabaseSync } from 'node:sqlite';
import { type Build, hasWhat } from './served-rows.ts';

/** What a store answers, as `expected.json` of a fixture keeps it. */
export interface Expected {
  readonly build: Build;
  /** `user_version` of the catalog. */
  readonly catalog: number;
  readonly cursors: readonly Readonly<Record<string, unknown>>[];
  readonly answers: readonly Answered[];
  /** Of memory, where the build has it, newest first. */
  readonly memory?: readonly string[];
}

export interface Answered {
  readonly argv: readonly string[];
  readonly columns: readonly string[];
  readonly rows: readonly unknown[];
  readonly citations?: readonly unknown[];
}

/** Everything that can be asked of a store of the build: whole tables, the past, citations, searches. */
export function questions(build: Build, runs: readonly string[]): readonly (readonly string[])[] {
  const tables = ['events', 'log', 'people'];
  const whole = tables.map((table) => ['query', `select * from ${table} order by version, id`]);
  const past = hasWhat(build, 'snapshots')
    ? runs.map((run) => ['query', '--as-of', run, 'select * from events order by id'])
    : [];
  const cited = hasWhat(build, 'search')
    ? [
        ['query', '--cite', 'select id, text from events where id < 9 order by id'],
        [
          'query',
          '--cite',
          '--search',
          'grey herons',
          '--in',
          'events',
          '--mode',
          'keyword',
          '--select',
          'id,text',
        ],
        ['query', '--search', 'red kite', '--in', 'events', '--mode', 'vector', '--select', 'id'],
      ]
    : [];
  return [...whole, ...past, ...cited];
}

export function answered(argv: readonly string[], stdout: string): Answered {
  const { columns, rows, citations } = JSON.parse(stdout) as {
    readonly columns: readonly { readonly name: string }[];
    readonly rows: readonly unknown[];
    readonly citations?: readonly unknown[];
  };
  return {
    argv,
    columns: columns.map(({ name }) => name),
    rows,
    ...(citations === undefined ? {} : { citations }),
  };
}

/** What a catalog says without the help of any program of ours. */
export function inCatalog(path: string): Pick<Expected, 'catalog' | 'cursors'> & { runs: readonly string[] } {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const { user_version: catalog } = db.prepare('PRAGMA user_version').get() as { user_version: number };
    const cursors = db.prepare('SELECT pipeline, source_table, cursor FROM cursors ORDER BY 1, 2').all();
    const runs = db.prepare("SELECT run FROM runs WHERE table_name = 'events' ORDER BY run").all();
    return {
      catalog,
      cursors: cursors as Record<string, unknown>[],
      runs: runs.map(({ run }) => String(run)),
    };
  } finally {
    db.close();
  }
}

/** Version and cursors, to be compared. */
export function catalogSummary(path: string): Pick<Expected, 'catalog' | 'cursors'> {
  const { catalog, cursors } = inCatalog(path);
  return { catalog, cursors: cursors.map((row) => ({ ...row })) };
}
