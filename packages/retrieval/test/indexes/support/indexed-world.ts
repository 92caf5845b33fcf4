import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  BUILT_IN_DIMS,
  BUILT_IN_MODEL,
  type CatalogTable,
  type Clock,
  type Embedder,
  type Files,
  type IndexSpec,
  type JobId,
  type JsonValue,
  type NodeId,
  type PipelineId,
  parseTypeName,
  type SearchMode,
  type TableName,
  type TableSchema,
} from '@hakiri/core';
import { createEngine, type Engine } from '@hakiri/engine';
import {
  compactStore,
  forget,
  nodeFiles,
  openMaintenance,
  openStore,
  openWritableStore,
  type SmallRow,
  type Store,
  type StoreOptions,
} from '@hakiri/store';
import { hashingEmbedder } from '../../../src/embed/index.ts';
import { createIndexes, type IndexEvent, type Indexes } from '../../../src/indexes/index.ts';
import type { SearchAnswer, SearchHit, SearchRequest } from '../../../src/search/request.ts';

export type Values = Readonly<Record<string, JsonValue>>;

export const NOTES = 'notes' as TableName;
const CHILD = fileURLToPath(new URL('./engine-child.ts', import.meta.url));
export const LOCK = { command: 'test', waitMs: 0 };

export const TEXT: IndexSpec = {
  kind: 'fts',
  name: 'words',
  columns: ['title', 'body'],
  analyzer: 'english',
};
export const VECTOR: IndexSpec = {
  kind: 'vector',
  name: 'near',
  columns: ['title', 'body'],
  model: BUILT_IN_MODEL,
  dims: BUILT_IN_DIMS,
  metric: 'cosine',
  scan: 'int8',
};

export const COLUMNS: TableSchema = schemaOf({
  id: 'int64',
  title: 'string',
  body: 'string',
  part: 'string',
  user: 'struct<login: string>',
});

export function schemaOf(types: Readonly<Record<string, string>>): TableSchema {
  return { columns: Object.entries(types).map(([name, type]) => ({ name, type: parseTypeName(type) })) };
}

const realClock: Clock = {
  nowMs: Date.now,
  monotonicMs: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

export interface WorldOptions {
  readonly specs?: readonly IndexSpec[];
  readonly files?: Files;
  readonly embedder?: (model: string) => Promise<Embedder>;
  readonly settings?: StoreOptions['settings'];
  /** `.hakiri` of another world. */
  readonly root?: string;
  /** Of another world, which closes it. */
  readonly engine?: Engine;
  readonly columns?: TableSchema;
  readonly primaryKey?: readonly string[];
  readonly mode?: 'merge' | 'append' | 'replace';
}

export interface Asked {
  readonly mode?: SearchMode;
  readonly vector?: Float32Array;
  readonly where?: string;
  readonly k?: number;
  readonly asOf?: CatalogTable;
}

/** A store whose table has indexes, and what a search in it finds. */
export interface IndexedWorld {
  readonly root: string;
  readonly engine: Engine;
  readonly indexes: Indexes;
  readonly options: StoreOptions;
  readonly events: IndexEvent[];
  /** From now on. */
  declare(specs: readonly IndexSpec[]): void;
  run(rows: readonly Values[]): Promise<void>;
  write(rows: readonly SmallRow[]): Promise<void>;
  fold(): Promise<void>;
  compact(): Promise<void>;
  forget(keys: readonly JsonValue[]): Promise<void>;
  catchUp(): Promise<void>;
  rebuild(index?: string): Promise<void>;
  table(): Promise<CatalogTable>;
  store(): Promise<Store>;
  search(text: string, asked?: Asked): Promise<SearchAnswer>;
  /** Keys that a search finds, in their order. */
  found(text: string, asked?: Asked): Promise<readonly JsonValue[]>;
  close(): Promise<void>;
}

export async function indexedWorld(t: TestContext, given: WorldOptions = {}): Promise<IndexedWorld> {
  const { files = nodeFiles, primaryKey = ['id'], mode = 'merge', columns = COLUMNS } = given;
  let root = given.root;
  if (root === undefined) {
    const folder = mkdtempSync(join(tmpdir(), 'hakiri-indexes-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    root = join(folder, '.hakiri');
  }
  const home = root;
  const engine =
    given.engine ??
    createEngine({
      spawn: () => spawn(process.execPath, [CHILD], { stdio: ['pipe', 'pipe', 'inherit'] }),
    });
  if (!given.engine) t.after(() => engine.close());
  let specs = given.specs ?? [TEXT, VECTOR];
  const events: IndexEvent[] = [];
  const paths = (await import('@hakiri/store')).layout(home, 'demo');
  const indexes = createIndexes({
    paths,
    files,
    engine,
    specsOf: (table) => (table === NOTES ? specs : []),
    embedder: async (_table, spec) =>
      spec.model === BUILT_IN_MODEL ? hashingEmbedder() : given.embedder!(spec.model),
    onEvent: (event) => events.push(event),
  });
  let reading: Promise<Store> | undefined;
  const store = (): Promise<Store> => {
    reading ??= openStore(options);
    return reading;
  };
  t.after(async () => (await reading)?.close());
  const options: StoreOptions = {
    root: home,
    project: 'demo',
    node: '01JABCDEFGHJKMNPQRSTVWXYZ0' as NodeId,
    files,
    clock: realClock,
    engine,
    sidecars: indexes.sidecars,
    erasureTargets: indexes.erasureTargets(async () => (await store()).tables()),
    ...(given.settings ? { settings: given.settings } : {}),
  };
  const common = {
    table: NOTES,
    mode,
    primaryKey,
    subjectColumns: [],
    pipeline: 'p' as PipelineId,
    declared: columns,
    lineage: {
      connector: 'test',
      connectorVersion: '1',
      author: 'ada',
      componentHash: null,
      manifestHash: '',
    },
  };
  const table = async (): Promise<CatalogTable> => {
    const found = await (await store()).catalog.table(NOTES);
    if (!found) throw new Error('there is no table');
    return found;
  };
  const search = async (text: string, asked: Asked = {}): Promise<SearchAnswer> => {
    const kind = asked.mode ?? 'keyword';
    const [vector] = await hashingEmbedder().embed([text], { purpose: 'query' });
    const floats = asked.vector ?? vector!;
    const request: SearchRequest = {
      table: await indexes.indexedTable(asked.asOf ?? (await table())),
      mode: kind,
      ...(kind === 'vector' ? {} : { text }),
      ...(kind === 'keyword'
        ? {}
        : { vector: Buffer.from(floats.buffer, floats.byteOffset, floats.byteLength).toString('base64') }),
      k: asked.k ?? 100,
      allowed: { seesAll: true, where: asked.where },
      explain: false,
    };
    return engine.read<SearchAnswer>('search', request, { timeoutMs: undefined });
  };
  return {
    root: home,
    engine,
    indexes,
    options,
    events,
    declare(now) {
      specs = now;
    },
    async run(rows) {
      const writable = await openWritableStore(options, LOCK);
      try {
        const writer = await writable.openTable({
          ...common,
          incremental: undefined,
          job: '01JABCDEFGHJKMNPQRSTVWXY00' as JobId,
          sourceTable: 'notes',
          onConflict: 'quarantine',
          transform: undefined,
        });
        const lines = rows.map((row) => `${JSON.stringify(row)}\n`);
        mkdirSync(join(home, 'cache'), { recursive: true });
        const path = join(home, 'cache', 'spool.ndjson');
        writeFileSync(path, lines.join(''));
        await writer.writePart({
          kind: 'records',
          path,
          rows: rows.length,
          largestRecordBytes: Math.max(...lines.map((line) => Buffer.byteLength(line))),
          schema: columns,
          deletes: rows.some((row) => '_hakiri_deleted' in row),
        });
        rmSync(path);
        await writer.commit(undefined);
      } finally {
        await writable.close();
      }
    },
    async write(rows) {
      const writable = await openWritableStore(options, LOCK);
      try {
        await writable.openSmallWrites(common).write(rows);
      } finally {
        await writable.close();
      }
    },
    async fold() {
      const writable = await openWritableStore(options, LOCK);
      try {
        await writable.openSmallWrites(common).fold();
      } finally {
        await writable.close();
      }
    },
    async compact() {
      await compactStore(options, LOCK, {});
    },
    async forget(keys) {
      await forget(options, LOCK, { table: NOTES, keys: keys.map((key) => [key]) });
    },
    catchUp: () =>
      openMaintenance(options, LOCK, async ({ catalog }) => indexes.catchUp(await catalog.tables())),
    rebuild: (index) =>
      openMaintenance(options, LOCK, async ({ catalog }) =>
        indexes.rebuild(await catalog.tables(), { index }),
      ),
    table,
    store,
    search,
    async found(text, asked) {
      const { hits } = await search(text, asked);
      return hits.map(({ key }: SearchHit) => key[0]!);
    },
    async close() {
      await (await reading)?.close();
      reading = undefined;
      if (!given.engine) await engine.close();
    },
  };
}

/** Every file below a folder. */
export function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

export const note = (id: number, title: string, body = '', parts: Values = {}): Values => ({
  id,
  title,
  body,
  part: `p${id % 2}`,
  user: { login: `user${id}` },
  ...parts,
});
