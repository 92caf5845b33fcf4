import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CatalogTable, Embedder, IndexSpec, NodeId, Serve, TableName } from '@hakiri/core';
import { createEngine } from '@hakiri/engine';
import { createServe, type ServeOptions } from '@hakiri/retrieval';
import { createIndexes, type IndexedTable } from '@hakiri/retrieval/indexes';
import { layout, nodeFiles, openStore, openWritableStore, type StoreOptions } from '@hakiri/store';
import { systemClock } from '../../packages/cli/src/system-clock.ts';
import { embeddingCacheFolder } from '../../packages/retrieval/src/embed/cache/cache-file.ts';
import { documentVectors } from '../../packages/retrieval/src/embed/document-vectors.ts';
import { documentsTarget, SCHEMA, spawnSearchChild } from './documents-table.ts';
import type { HybridRows } from './hybrid-rows.ts';

const LOCK = { command: 'bench', waitMs: 0 };
const NAME = 'documents' as TableName;
const MODEL = 'synthetic';
const ROWS_A_PART = 50_000;
const TEXTS_AT_ONCE = 5000;

export interface SearchStore {
  readonly table: string;
  readonly serve: Serve;
  readonly engine: ReturnType<typeof createEngine>;
  /** The same store, as policies leave it. */
  serveUnder(policies: NonNullable<ServeOptions['policies']>): Serve;
  indexed(): Promise<IndexedTable>;
  close(): Promise<void>;
}

/** A table of rows with a text and a vector index, made by a run as any is, with its graph. */
export async function searchStore(root: string, data: HybridRows): Promise<SearchStore> {
  const engine = createEngine({
    spawn: spawnSearchChild,
  });
  const specs: readonly IndexSpec[] = [
    { kind: 'fts', name: 'fts-body', columns: ['body'], analyzer: 'simple' },
    {
      kind: 'vector',
      name: 'vec-body',
      columns: ['body'],
      model: MODEL,
      dims: data.dims,
      metric: 'cosine',
      scan: 'int8',
    },
  ];
  const embedder = embedderOf(data);
  const indexes = createIndexes({
    paths: layout(root, 'bench'),
    files: nodeFiles,
    engine,
    specsOf: () => specs,
    embedder: async () => embedder,
    onEvent: ({ error }) => {
      throw error;
    },
  });
  const options: StoreOptions = {
    root,
    project: 'bench',
    node: '01JABCDEFGHJKMNPQRSTVWXYZ0' as NodeId,
    files: nodeFiles,
    clock: systemClock,
    engine,
    sidecars: indexes.sidecars,
  };
  await embed(options.root, data, embedder);
  await write(options, data);
  const store = await openStore(options);
  const table = async (): Promise<CatalogTable> => {
    const found = await store.catalog.table(NAME);
    if (!found) throw new Error('There is no table');
    return found;
  };
  const indexed = async () => indexes.indexedTable(await table());
  const { built } = await engine.job<{ readonly built: readonly unknown[] }>('graph-build', {
    table: await indexed(),
    threads: 2,
  });
  if (built.length !== 1 && data.rows > 5000) throw new Error('The graph was not built');
  const parts: ServeOptions = {
    store,
    engine,
    notes: new Map(),
    search: {
      indexes: () => specs,
      indexed: (asked) => indexes.indexedTable(asked),
      behind: (asked) => indexes.behind(asked),
      embedder: async () => embedder,
    },
  };
  const serve = createServe(parts);
  return {
    table: NAME,
    serve,
    engine,
    serveUnder: (policies) => createServe({ ...parts, policies }),
    indexed,
    async close() {
      await serve.close();
      await engine.close();
    },
  };
}

/** Before the rows are there: what a model takes is not measured here, nor how texts get to it. */
async function embed(root: string, data: HybridRows, embedder: Embedder): Promise<void> {
  const folder = embeddingCacheFolder(layout(root, 'bench').cache, 'bench', NAME);
  const vectors = documentVectors(embedder, folder);
  for (let from = 0; from < data.rows; from += TEXTS_AT_ONCE) {
    const rows = Math.min(TEXTS_AT_ONCE, data.rows - from);
    await vectors.embed(Array.from({ length: rows }, (_, i) => data.row(from + i).body));
  }
  vectors.close();
}

/** One run of several parts. */
async function write(options: StoreOptions, data: HybridRows): Promise<void> {
  const store = await openWritableStore(options, LOCK);
  const spool = join(options.root, 'cache', 'spool.ndjson');
  mkdirSync(join(options.root, 'cache'), { recursive: true });
  const writer = await store.openTable(documentsTarget(NAME));
  for (let from = 0; from < data.rows; from += ROWS_A_PART) {
    const rows = Math.min(ROWS_A_PART, data.rows - from);
    const lines = Array.from({ length: rows }, (_, i) => `${JSON.stringify(data.row(from + i))}\n`);
    writeFileSync(spool, lines.join(''));
    await writer.writePart({
      kind: 'records',
      path: spool,
      rows,
      largestRecordBytes: 8000,
      schema: SCHEMA,
      deletes: false,
    });
  }
  await writer.commit(undefined);
  await store.close();
}

/** Rows' vectors are told by their texts, questions' by theirs. */
function embedderOf(data: HybridRows): Embedder {
  const questions = new Map(data.questions.map(({ text, vector }) => [text, vector]));
  return {
    model: { id: MODEL, dims: data.dims, kind: 'semantic', zone: undefined },
    embed: async (texts, { purpose }) =>
      texts.map((text) => (purpose === 'query' ? questions.get(text) : undefined) ?? data.vectorOf(text)),
    close: async () => {},
  };
}
