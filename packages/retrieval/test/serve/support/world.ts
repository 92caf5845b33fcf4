import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  type Answer,
  type Clock,
  type JobId,
  type JsonValue,
  type NodeId,
  OWNER_GRANT,
  type PipelineId,
  parseTypeName,
  type QueryRequest,
  type RunId,
  type Serve,
  type TableName,
  type TableSchema,
  type TableTarget,
} from '@hakiri/core';
import { createEngine, type Engine } from '@hakiri/engine';
import { createServe, type ServeOptions } from '@hakiri/retrieval';
import {
  compactStore,
  forget,
  nodeFiles,
  openMaintenance,
  openStore,
  openWritableStore,
  rebuildCatalog,
  type SmallRow,
  type StoreOptions,
} from '@hakiri/store';

import { type IndexedOptions, indexed } from './indexed.ts';

export type Values = Readonly<Record<string, JsonValue>>;

export interface World {
  readonly root: string;
  readonly engine: Engine;
  readonly options: StoreOptions;
  /** Asks as the owner. */
  ask(request: QueryRequest): Promise<Answer>;
  readonly serve: Serve;
  /** One committed run. Rows may carry `_hakiri_deleted`. */
  run(table: string, rows: readonly Values[], parts?: Partial<TableTarget>): Promise<RunId>;
  /** Small writes of one commit. */
  write(table: string, rows: readonly SmallRow[]): Promise<void>;
  fold(table: string): Promise<void>;
  compact(): Promise<void>;
  forget(table: string, key: readonly JsonValue[]): Promise<void>;
  /** Loses the catalog and makes it again from the manifests. */
  rebuild(): Promise<void>;
  /** Another `serve` over the same store. */
  reopen(parts?: Partial<ServeOptions>): Promise<Serve>;
}

const CHILD = fileURLToPath(new URL('./engine-child.ts', import.meta.url));
const NODE = '01JABCDEFGHJKMNPQRSTVWXYZ0' as NodeId;
/** Starting its children takes longer than most tests. */
const engine = createEngine({
  spawn: () => spawn(process.execPath, [CHILD], { stdio: ['pipe', 'pipe', 'inherit'] }),
});
after(() => engine.close());

const LOCK = { command: 'test', waitMs: 0 };
export const PROJECT = 'demo';
export const ISSUES = 'issues';

export const realClock: Clock = {
  nowMs: Date.now,
  monotonicMs: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

export const ISSUE_COLUMNS = columns({
  id: 'int64',
  title: 'string',
  state: 'string',
  comments: 'int32',
  user: 'struct<login: string, id: int64>',
  updated_at: 'timestamp',
});

/** `{ id: 'int64' }` as a schema. */
export function columns(types: Readonly<Record<string, string>>): TableSchema {
  return { columns: Object.entries(types).map(([name, type]) => ({ name, type: parseTypeName(type) })) };
}

export const issue = (id: number, parts: Values = {}): Values => ({
  id,
  title: `title ${id}`,
  state: id % 3 === 0 ? 'closed' : 'open',
  comments: id % 7,
  user: { login: `u${id % 5}`, id: id % 5 },
  updated_at: `2026-01-01T00:00:${String(id % 60).padStart(2, '0')}Z`,
  ...parts,
});

export const issues = (from: number, count: number): readonly Values[] =>
  Array.from({ length: count }, (_, i) => issue(from + i));

/** A store with real parts, read through `serve`. */
export async function world(
  t: TestContext,
  schemas: Readonly<Record<string, TableSchema>> = {},
  withIndexes: IndexedOptions | boolean = false,
): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'hakiri-serve-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const root = join(folder, '.hakiri');
  const built = withIndexes && indexed(root, engine, withIndexes === true ? {} : withIndexes);
  const options: StoreOptions = {
    root,
    project: PROJECT,
    node: NODE,
    files: nodeFiles,
    clock: realClock,
    engine,
    ...(built && {
      sidecars: built.sidecars,
      erasureTargets: built.erasureTargets(async () => {
        const store = await openStore({
          root,
          project: PROJECT,
          node: NODE,
          files: nodeFiles,
          clock: realClock,
          engine,
        });
        return store.tables().finally(() => store.close());
      }),
    }),
  };
  const schemaOf = (table: string): TableSchema => schemas[table] ?? ISSUE_COLUMNS;
  const lineage = {
    connector: 'test',
    connectorVersion: '1',
    author: 'ada',
    componentHash: null,
    manifestHash: '',
  };
  const common = (table: string) => ({
    table: table as TableName,
    mode: 'merge' as const,
    primaryKey: ['id'],
    incremental: schemaOf(table).columns.some(({ name }) => name === 'updated_at') ? 'updated_at' : undefined,
    subjectColumns: [],
    pipeline: 'p' as PipelineId,
    declared: schemaOf(table),
    lineage,
  });
  await (await openWritableStore(options, LOCK)).close();
  const serves: Serve[] = [];
  t.after(() => Promise.all(serves.map((serve) => serve.close())));
  const reopen = async (parts: Partial<ServeOptions> = {}): Promise<Serve> => {
    const serve = createServe({
      store: await openStore(options),
      engine,
      notes: new Map(),
      ...(built && { search: built.search }),
      ...parts,
    });
    serves.push(serve);
    return serve;
  };
  let serve = await reopen();
  return {
    root,
    engine,
    options,
    get serve() {
      return serve;
    },
    ask: (request) => serve.query(request, OWNER_GRANT),
    async run(table, rows, parts = {}) {
      const store = await openWritableStore(options, LOCK);
      try {
        const writer = await store.openTable({
          ...common(table),
          job: '01JABCDEFGHJKMNPQRSTVWXY00' as JobId,
          sourceTable: table,
          onConflict: 'quarantine',
          transform: undefined,
          ...parts,
        });
        const lines = rows.map((row) => `${JSON.stringify(row)}\n`);
        mkdirSync(join(root, 'cache'), { recursive: true });
        const path = join(root, 'cache', 'spool.ndjson');
        writeFileSync(path, lines.join(''));
        const deletes = rows.some((row) => '_hakiri_deleted' in row);
        await writer.writePart({
          kind: 'records',
          path,
          rows: rows.length,
          largestRecordBytes: Math.max(...lines.map((line) => Buffer.byteLength(line))),
          schema: parts.declared ?? schemaOf(table),
          deletes,
        });
        const commit = await writer.commit(undefined);
        if (commit === undefined) throw new Error('nothing was committed');
        return commit.run;
      } finally {
        await store.close();
      }
    },
    async write(table, rows) {
      const store = await openWritableStore(options, LOCK);
      const { incremental, ...target } = common(table);
      const writer = store.openSmallWrites({
        ...target,
        ...(incremental === undefined ? {} : { incremental }),
      });
      await writer.write(rows);
      await store.close();
    },
    async fold(table) {
      const store = await openWritableStore(options, LOCK);
      const { incremental, ...target } = common(table);
      await store
        .openSmallWrites({ ...target, ...(incremental === undefined ? {} : { incremental }) })
        .fold();
      await store.close();
    },
    async compact() {
      await compactStore(options, LOCK, {});
    },
    async forget(table, key) {
      await forget(options, LOCK, { table: table as TableName, keys: [key] });
      if (!built) return;
      await openMaintenance(options, LOCK, async ({ catalog }) => built.catchUp(await catalog.tables()));
    },
    async rebuild() {
      await rebuildCatalog(options, LOCK);
      serve = await reopen();
    },
    reopen,
  };
}

/** All pages of an answer. */
export async function pages(
  ask: (request: QueryRequest) => Promise<Answer>,
  request: QueryRequest,
  between: (page: number) => Promise<void> = async () => {},
): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (let next: string | undefined, page = 0; page === 0 || next !== undefined; page++) {
    if (page > 0) await between(page);
    const answer: Answer = await ask(next === undefined ? request : { ...request, next });
    answers.push(answer);
    next = answer.next;
  }
  return answers;
}
