import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What earlier builds can do, and their stores hold: each has what the one before had. */
export const BUILDS = ['first', 'snapshots', 'search', 'agents'] as const;
export type Build = (typeof BUILDS)[number];

export const hasWhat = (build: Build, what: Build): boolean => BUILDS.indexOf(build) >= BUILDS.indexOf(what);

interface Served {
  readonly at: string;
  readonly id: number;
  readonly version: number;
}

const text = (id: number, version: number): string =>
  `event ${id} as of ${version}, ${['a red kite', 'two grey herons', 'nothing'][id % 3]}`;

const timeOf = (version: number): string => new Date(Date.UTC(2026, 0, 1) + version * 1000).toISOString();

const event = (id: number, version: number, more: object = {}): Served => ({
  id,
  version,
  at: timeOf(version),
  ...{ kind: id % 2 === 0 ? 'even' : 'odd', amount: id * 10 + version, text: text(id, version) },
  ...more,
});

/**
 * Everything an API has given out by a phase, oldest first. 1: rows, one of which does not fit its column; 2: some
 * changed, some new, two deleted where the build knows deletes; 3: a new column; 4: what comes after an upgrade.
 */
export function rowsUntil(phase: number, build: Build): readonly Served[] {
  const first = Array.from({ length: 30 }, (_, i) =>
    event(i + 1, i + 1, i === 29 ? { amount: 'not a number' } : {}),
  );
  const changed = [1, 2, 3, 4, 5, 31, 32, 33, 34, 35].map((id, i) => event(id, 31 + i));
  const deleted = [6, 7].map((id, i) => ({ id, version: 41 + i, at: timeOf(41 + i), _hakiri_deleted: true }));
  const phases = [
    first,
    [...changed, ...(hasWhat(build, 'snapshots') ? deleted : [])],
    [event(8, 43, { note: 'seen twice' }), event(36, 44, { note: 'new' })],
    [event(9, 45), event(37, 46)],
  ];
  return phases.slice(0, phase).flat();
}

/** Where the API of a packed manifest is, until a test says otherwise. */
export const NOWHERE = '127.0.0.1:9';

export interface RowsServer {
  readonly origin: string;
  phase: number;
  /** `since` of every request, by list. */
  readonly asked: Map<string, string[]>;
  close(): Promise<void>;
}

/** `/events`, `/log` and `/people`, each with the rows since a time. */
export async function serveRows(build: Build): Promise<RowsServer> {
  const asked = new Map<string, string[]>();
  const server: Server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://server');
    const since = searchParams.get('since');
    asked.set(pathname, [...(asked.get(pathname) ?? []), since ?? '']);
    const rows = rowsUntil(served.phase, build)
      .filter(({ version }) => since === null || Date.parse(timeOf(version)) >= Date.parse(since))
      .filter((row) => pathname === '/events' || !('_hakiri_deleted' in row))
      .map((row) => (pathname === '/people' ? person(row) : row));
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(rows));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const served: RowsServer = {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    phase: 1,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return served;
}

const INDEXES = `  indexes.words = { kind = "fts", columns = ["text"] }
  indexes.likeness = { kind = "vector", columns = ["text"] }
`;

const person = ({ id, version }: Served): object => ({
  id,
  version,
  at: timeOf(version),
  email: `person${id % 7}@example.com`,
  card: '4539 1488 0343 6467',
});

/** The manifest as a build takes it. `origin` is an address of this machine. */
export function manifest(build: Build, origin: string): string {
  const resource = (name: string, key: string): string => `
  [[pipeline.source.config.resources]]
  name = "${name}"
  path = "/${name}"
${key}
  incremental = { column = "at", param = "since", order = "ascending" }
`;
  const hasActions = hasWhat(build, 'agents');
  return `[project]
name = "demo"

[[pipeline]]
id = "api"
allow_hosts = ["${new URL(origin).host}"]

  [pipeline.source]
  connector = "http"

  [pipeline.source.config]
  base_url = "${origin}"
${resource('events', '  primary_key = "id"')}${resource('log', '')}${resource('people', '  primary_key = "id"')}
  [[pipeline.tables]]
  source = "events"
  name = "events"
  columns.amount = { type = "int64" }
  columns.at = { type = "timestamp" }
${hasWhat(build, 'search') ? INDEXES : ''}
  [[pipeline.tables]]
  source = "log"
  name = "log"
  mode = "append"

  [[pipeline.tables]]
  source = "people"
  name = "people"
${hasWhat(build, 'snapshots') ? '  subject_columns = ["email"]\n' : ''}${
  hasActions
    ? `  columns.id = { type = "int64" }
  columns.version = { type = "int64" }
  columns.at = { type = "timestamp" }
  columns.email = { pii_type = "email", on_write = "hash" }
  columns.card = { pii_type = "credit_card", on_write = "mask" }
`
    : ''
}`;
}
