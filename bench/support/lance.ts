import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { HybridRows, Question } from './hybrid-rows.ts';

const PEER = new URL('../peers/hybrid/package.json', import.meta.url).pathname;
const PAGE = 10_000;
/** With what it does unasked it misses a quarter of the nearest of 100k rows x 384. */
const REFINE = 10;
/** How far it can be told to look in its graph. */
export const EXPANSIONS = [100, 300, 600, 1200, 2400] as const;

/** What is used of `@lancedb/lancedb`, which only this bench installs. */
interface Lance {
  connect(folder: string): Promise<LanceDatabase>;
  readonly Index: {
    fts(options: object): unknown;
    hnswSq(options: object): unknown;
    btree(): unknown;
  };
  readonly rerankers: { readonly RRFReranker: { create(k?: number): Promise<unknown> } };
}

interface LanceDatabase {
  createTable(name: string, data: unknown, options?: object): Promise<LanceTable>;
  close(): void;
}

interface LanceTable {
  add(rows: unknown): Promise<unknown>;
  optimize(): Promise<unknown>;
  createIndex(column: string, options: { config: unknown }): Promise<void>;
  query(): LanceQuery;
  close(): void;
}

interface LanceQuery {
  nearestTo(vector: Float32Array): LanceQuery;
  distanceType(type: string): LanceQuery;
  ef(expansion: number): LanceQuery;
  refineFactor(factor: number): LanceQuery;
  fullTextSearch(text: string, options: object): LanceQuery;
  where(condition: string): LanceQuery;
  rerank(reranker: unknown): LanceQuery;
  select(columns: readonly string[]): LanceQuery;
  limit(rows: number): LanceQuery;
  toArray(): Promise<readonly { readonly id: bigint | number }[]>;
}

export interface LancePeer {
  /** The ids of the best ten. */
  hybrid(question: Question, filter: string | undefined, expansion: number): Promise<readonly number[]>;
  /** Of the vectors alone. */
  nearest(question: Question, filter: string | undefined, expansion: number): Promise<readonly number[]>;
  close(): void;
}

/** The same rows in LanceDB, with an index over each column that is searched or filtered by. */
export async function lancePeer(dataFolder: string, folder: string, data: HybridRows): Promise<LancePeer> {
  const lance = installed(dataFolder);
  const database = await lance.connect(folder);
  let table: LanceTable | undefined;
  for (let from = 0; from < data.rows; from += PAGE) {
    const page = Array.from({ length: Math.min(PAGE, data.rows - from) }, (_, i) => {
      const row = data.row(from + i);
      return { ...row, vector: Array.from(data.vectorOf(row.body)) };
    });
    if (table) await table.add(page);
    else table = await database.createTable('documents', page);
  }
  if (!table) throw new Error('No rows');
  const made = table;
  await made.optimize();
  await made.createIndex('body', { config: lance.Index.fts({ stem: false, withPosition: true }) });
  await made.createIndex('vector', { config: lance.Index.hnswSq({ distanceType: 'cosine' }) });
  await made.createIndex('permille', { config: lance.Index.btree() });
  await made.createIndex('topic', { config: lance.Index.btree() });
  const reranker = await lance.rerankers.RRFReranker.create();
  const nearest = (question: Question, filter: string | undefined, expansion: number): LanceQuery => {
    const query = made
      .query()
      .nearestTo(question.vector)
      .distanceType('cosine')
      .ef(expansion)
      .refineFactor(REFINE);
    return filter === undefined ? query : query.where(filter);
  };
  const ids = (rows: readonly { readonly id: bigint | number }[]) => rows.map(({ id }) => Number(id));
  return {
    async hybrid(question, filter, expansion) {
      const rows = await nearest(question, filter, expansion)
        .fullTextSearch(question.text, { columns: ['body'] })
        .rerank(reranker)
        .select(['id', 'permille', 'topic', 'body'])
        .limit(10)
        .toArray();
      return ids(rows);
    },
    async nearest(question, filter, expansion) {
      return ids(await nearest(question, filter, expansion).select(['id']).limit(10).toArray());
    },
    close() {
      made.close();
      database.close();
    },
  };
}

/** Into the bench's own folder: no user's install carries it. */
function installed(dataFolder: string): Lance {
  const folder = join(dataFolder, 'peers', 'hybrid');
  const wanted = readFileSync(PEER, 'utf8');
  const there = join(folder, 'package.json');
  if (!existsSync(join(folder, 'node_modules')) || readFileSync(there, 'utf8') !== wanted) {
    mkdirSync(folder, { recursive: true });
    copyFileSync(PEER, there);
    const { status } = spawnSync('npm', ['install', '--omit=optional', '--ignore-scripts', '--no-audit'], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (status !== 0) throw new Error('The peer could not be installed');
  }
  // It warns of the next version's ways with every query.
  process.env.RUST_LOG = 'off';
  process.env.LANCEDB_LOG = 'off';
  return createRequire(there)('@lancedb/lancedb') as Lance;
}
