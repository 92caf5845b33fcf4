import {
  type Answer,
  type Citation,
  type Gatekeeper,
  type Grant,
  HakiriError,
  type JsonValue,
  type Memory,
  type MemoryItem,
  NO_AUDIT,
  OWNER_GRANT,
  type Pipelines,
  type QueryRequest,
  rowAddress,
  type Serve,
  type TableDescription,
  tableAddress,
} from '@hakiri/core';
import type { ServerServices } from '../../src/index.ts';

export const PROJECT = 'demo';
const RUN = '01K0000000000000000000000A';
const TIME = '2026-11-01T10:00:00.000Z';

export type Row = Readonly<Record<string, JsonValue>>;

/** Tables in memory, keyed by `id`. Queries know `table`, `limit` and `next`; anything else is for who overrides it. */
export function fakeServices(
  tables: Readonly<Record<string, readonly Row[]>> = NOTES,
  overrides: Partial<ServerServices> = {},
): ServerServices {
  return {
    project: PROJECT,
    version: '0.0.0-test',
    serve: fakeServe(tables),
    memory: fakeMemory(),
    pipelines: fakePipelines(),
    runs: {
      find: async (run) =>
        run === RUN
          ? {
              run,
              table: 'notes',
              rows: 3,
              pipeline: 'notes',
              connector: 'file',
              author: 'hakiri',
              startedAt: TIME,
              committedAt: TIME,
            }
          : undefined,
    },
    clock: {
      nowMs: () => Date.now(),
      monotonicMs: () => performance.now(),
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    },
    gatekeeper: fakeGatekeeper(),
    attenuator: { attenuate: async (token) => ({ token: `${token}~less`, expiresAtMs: undefined }) },
    audit: NO_AUDIT,
    ...overrides,
  };
}

/** The owner's, and others by name; a token that `~` goes on after was made from the one before it. */
export const TOKEN = 'a-token-for-tests';

export function fakeGatekeeper(others: Readonly<Record<string, Partial<Grant>>> = {}): Gatekeeper {
  return {
    async authenticate({ token }) {
      const [own = ''] = token.split('~');
      const given = own === TOKEN ? {} : others[own];
      if (given === undefined) throw new HakiriError('token.invalid', 'The token is none of this project');
      const ids = token.split('~').map((_, i, parts) => parts.slice(0, i + 1).join('~'));
      return { ...OWNER_GRANT, digest: `of ${token}`, tokenIds: ids, ...given };
    },
  };
}

export const NOTES = {
  notes: [
    { id: 1, title: 'first', body: 'a note' },
    { id: 2, title: 'second', body: 'another' },
    { id: 3, title: 'third', body: 'the last' },
  ],
};

export function citationOf(table: string, key: readonly JsonValue[]): Citation {
  return {
    table,
    key,
    run: RUN,
    connector: 'file',
    author: 'hakiri',
    sourceTime: TIME,
    address: rowAddress(PROJECT, table, key),
  };
}

function fakeServe(tables: Readonly<Record<string, readonly Row[]>>): Serve {
  const rowsOf = (table: string): readonly Row[] => {
    const rows = tables[table];
    if (rows === undefined) {
      throw new HakiriError('query.unknown_table', `there is no table "${table}"`);
    }
    return rows;
  };
  return {
    async tables() {
      return Object.entries(tables).map(([name, rows]) => ({ ...summary(name), storedRows: rows.length }));
    },
    describe: async (table) => description(table, rowsOf(table)),
    async get({ table, keys, select }) {
      const rows = rowsOf(table);
      return keys.map((key) => {
        const row = rows.find(({ id }) => id === key[0]);
        if (row === undefined) return undefined;
        const names = select ?? Object.keys(row);
        const values = Object.fromEntries(names.map((name) => [name, row[name] ?? null]));
        return { values, citation: citationOf(table, key) };
      });
    },
    query: async (request) => fakeAnswer('table' in request ? rowsOf(request.table) : [], request),
    export: () => Promise.reject(new Error('not part of these tests')),
    close: async () => {},
  };
}

/** As many rows from where `next` points as the limits allow, each with its citation. */
export function fakeAnswer(rows: readonly Row[], request: QueryRequest): Answer {
  const { limit = rows.length, maxBytes = Number.POSITIVE_INFINITY, next, cite } = request;
  const names = Object.keys(rows[0] ?? {});
  const start = next === undefined ? 0 : Number(next);
  const taken: JsonValue[][] = [];
  let bytes = 0;
  for (const row of rows.slice(start, start + limit)) {
    const values = names.map((name) => row[name] ?? null);
    bytes += JSON.stringify(values).length;
    if (bytes > maxBytes && taken.length > 0) break;
    if (bytes > maxBytes) {
      throw new HakiriError('query.too_large', 'A single row is larger than the answer may be', {
        hint: 'Select fewer columns, or ask for a part of the text: substr(column, 1, 1000).',
      });
    }
    taken.push(values);
  }
  const end = start + taken.length;
  const table = 'table' in request ? request.table : 'sql';
  return {
    columns: names.map((name) => ({ name, type: 'VARCHAR' })),
    rows: taken,
    truncated: end >= rows.length ? false : taken.length === limit ? 'rows' : 'bytes',
    elapsedMs: 1,
    ...(cite === true
      ? { citations: { kind: 'rows', rows: taken.map(([id = null]) => [citationOf(table, [id])]) } }
      : {}),
    freshness: [{ table, lastCommit: TIME, ageMs: 1000, indexes: [{ name: 'fts-body', rowsBehind: 0 }] }],
    ...(end < rows.length ? { next: String(end) } : {}),
  };
}

export function aggregateAnswer(): Answer {
  return {
    columns: [{ name: 'n', type: 'BIGINT' }],
    rows: [[3]],
    truncated: false,
    elapsedMs: 1,
    citations: {
      kind: 'tables',
      tables: [
        {
          table: 'notes',
          snapshot: null,
          runs: [RUN],
          predicate: null,
          rowsRead: 3,
          address: tableAddress(PROJECT, 'notes'),
        },
      ],
    },
    plan: {
      step: 'sql',
      rows: 1,
      elapsedMs: 1,
      steps: [{ step: 'read', detail: 'notes', estimatedRows: 3 }],
    },
    policy: { columns: [{ table: 'notes', column: 'body', action: 'mask' }] },
  };
}

function summary(name: string) {
  return {
    name,
    description: undefined,
    storedRows: 0,
    parts: 1,
    bytes: 1000,
    lastCommit: TIME,
    snapshot: undefined,
    runsBeside: 1,
    smallWrites: 0,
  };
}

function description(table: string, rows: readonly Row[]): TableDescription {
  return {
    ...summary(table),
    rows: rows.length,
    mode: 'merge',
    primaryKey: ['id'],
    incremental: undefined,
    subjectColumns: [],
    columns: Object.keys(rows[0] ?? {}).map((name) => ({
      name,
      type: name === 'id' ? 'BIGINT' : 'VARCHAR',
      key: name === 'id',
      hint: undefined,
    })),
    pipelines: ['notes'],
    schemaHistory: [],
    quarantined: 0,
    past: { runs: 1, snapshots: 0 },
    retentionMs: 0,
    tombstoneRetentionMs: 0,
    indexes: [
      { name: 'fts-body', kind: 'fts', columns: ['body'], analyzer: 'english', rowsBehind: 0 },
      {
        name: 'vec-body',
        kind: 'vector',
        columns: ['body'],
        model: 'hakiri-lexical',
        dims: 384,
        modelKind: 'lexical',
        rowsBehind: 2,
      },
    ],
    examples: rows.slice(0, 3).map((row) => Object.values(row)),
    partitions: [],
    ageMs: 1000,
  };
}

function fakeMemory(): Memory {
  const items = new Map<string, MemoryItem>();
  let made = 0;
  return {
    async write({ namespace = 'default', items: given }) {
      const ids = given.map((item) => {
        const id = `01K${String(++made).padStart(23, '0')}`;
        items.set(id, item);
        return id;
      });
      return { namespace, ids, run: RUN };
    },
    async search({ namespace = 'default', text = '' }) {
      const found = [...items].filter(([, item]) => item.text.includes(text));
      return {
        namespace,
        items: found.map(([id, item]) => ({
          id,
          subject: item.subject ?? null,
          text: item.text,
          tags: item.tags ?? [],
          metadata: { ...item.metadata },
          source: item.source ?? null,
          created: TIME,
          superseded: null,
          ...(text === '' ? {} : { score: 1 }),
          citation: citationOf(`memory_${namespace}`, [id]),
        })),
      };
    },
    async forget({ namespace = 'default', ids = [] }) {
      return { namespace, forgotten: ids.filter((id) => items.delete(id)), proof: { run: RUN } };
    },
  };
}

function fakePipelines(): Pipelines {
  return {
    async list() {
      return [
        {
          id: 'notes',
          connector: 'file',
          tables: ['notes'],
          schedule: 'every 15m',
          nextRun: undefined,
          running: false,
          lastJob: undefined,
        },
      ];
    },
    async run(id, { progress }) {
      if (id !== 'notes') throw new HakiriError('usage.unknown_name', 'there is no such pipeline');
      progress?.({ rows: 1, message: 'notes: 1 row' });
      await new Promise((resolve) => setTimeout(resolve, 120));
      progress?.({ rows: 3, message: 'notes: 3 rows' });
      return {
        job: RUN,
        state: 'done',
        tables: [{ table: 'notes', rows: 3, setAside: 0, runs: [RUN], error: undefined }],
      };
    },
  };
}
