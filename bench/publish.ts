import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { CatalogTable, Embedder, TableName } from '@hakiri/core';
import { createEngine, type Engine } from '@hakiri/engine';
import { documentVectors, embeddingCacheFolder } from '@hakiri/retrieval/embed';
import { createIndexes, type Indexes } from '@hakiri/retrieval/indexes';
import {
  compactStore,
  layout,
  nodeFiles,
  openStore,
  openWritableStore,
  type Store,
  type StoreOptions,
} from '@hakiri/store';
import { systemClock } from '../packages/cli/src/system-clock.ts';
import { documentsTarget, PUBLISH_SPECS, SCHEMA, spawnSearchChild } from './support/documents-table.ts';
import { type HybridRows, hybridRows } from './support/hybrid-rows.ts';
import { median } from './support/measure.ts';
import { type Bar, limitBar, type Scale } from './support/report.ts';

const DIMS = 128;
const CHANGED = 10_000;
const ROWS_A_PART = 50_000;
const ROUNDS = { small: 3, full: 5 };
const MOST_MICROSECONDS_A_ROW = 60;
const LOCK = { command: 'bench', waitMs: 0 };
const PROJECT = 'bench';
const PLAIN = 'plain' as TableName;
const INDEXED = 'indexed' as TableName;

/** What indexes add to a commit, the first search after it included; vectors are in the cache before. */
export async function publish(scale: Scale): Promise<readonly Bar[]> {
  const rows = scale === 'full' ? 1_000_000 : 100_000;
  const root = mkdtempSync(join(tmpdir(), 'hakiri-bench-'));
  const world = openWorld(join(root, '.hakiri'), hybridRows(rows, DIMS, 0));
  try {
    await world.commit([PLAIN, INDEXED], allIds(rows), 0);
    await compactStore(world.options, LOCK, {});
    const added: number[] = [];
    let missing = 0;
    // The first round is for what is done once: processes start, files are opened.
    for (let round = 1; round <= ROUNDS[scale] + 1; round++) {
      const ids = changedIds(rows, round);
      await world.embed(ids, round);
      const without = await world.cpuSeconds(() => world.commit([PLAIN], ids, round));
      const withIndexes = await world.cpuSeconds(async () => {
        await world.commit([INDEXED], ids, round);
        await world.search({ mode: 'keyword', text: `round${round}`, k: 10 });
      });
      if (round > 1) added.push(((withIndexes - without) / CHANGED) * 1e6);
      missing += await world.missing(ids, round);
    }
    const metric = `us of CPU a changed row that indexes add, ${CHANGED} rows changed of ${rows} x ${DIMS}, first search included`;
    return [
      limitBar('publish', metric, median(added), MOST_MICROSECONDS_A_ROW),
      limitBar('publish', 'changed rows, of some, not found when their commit is done', missing, 0.5),
    ];
  } finally {
    await world.close();
    rmSync(root, { recursive: true, force: true });
  }
}

const allIds = (rows: number): readonly number[] => Array.from({ length: rows }, (_, id) => id);

function changedIds(rows: number, round: number): readonly number[] {
  const ids = new Set<number>();
  for (let i = 0; ids.size < CHANGED; i++)
    ids.add((Math.imul(i + round * 7_919, 2_654_435_761) >>> 0) % rows);
  return [...ids];
}

interface Asked {
  readonly mode: 'keyword' | 'vector';
  readonly text?: string;
  readonly vector?: Float32Array;
  readonly where?: string;
  readonly k: number;
}

interface SearchAnswer {
  readonly hits: readonly { readonly score: number }[];
}

function openWorld(root: string, data: HybridRows) {
  const engine = createEngine({ spawn: spawnSearchChild, recycleAfterParts: 100_000 });
  const paths = layout(root, PROJECT);
  const embedder: Embedder = {
    model: { id: 'synthetic', dims: DIMS, kind: 'semantic', zone: undefined },
    embed: async (texts) => texts.map(vectorOf),
    close: async () => {},
  };
  const indexes: Indexes = createIndexes({
    paths,
    files: nodeFiles,
    engine,
    specsOf: (table) => (table === INDEXED ? PUBLISH_SPECS : []),
    embedder: async () => embedder,
    onEvent: ({ error }) => {
      throw error;
    },
  });
  const options: StoreOptions = {
    root,
    project: PROJECT,
    node: '01JABCDEFGHJKMNPQRSTVWXYZ0' as StoreOptions['node'],
    files: nodeFiles,
    clock: systemClock,
    engine,
    sidecars: indexes.sidecars,
  };
  let reading: Store | undefined;
  const table = async (): Promise<CatalogTable> => {
    reading ??= await openStore(options);
    const found = await reading.catalog.table(INDEXED);
    if (!found) throw new Error('There is no table');
    return found;
  };
  const embed = async (ids: readonly number[], round: number): Promise<void> => {
    const vectors = documentVectors(embedder, embeddingCacheFolder(paths.cache, PROJECT, INDEXED));
    await vectors.embed(ids.map((id) => textOf(data, id, round)));
    vectors.close();
  };
  const search = async (asked: Asked): Promise<SearchAnswer['hits']> => {
    const { vector, where, ...rest } = asked;
    const request = {
      ...rest,
      table: await indexes.indexedTable(await table()),
      ...(vector ? { vector: Buffer.from(vector.buffer).toString('base64') } : {}),
      allowed: { seesAll: true, where },
      explain: false,
    };
    return (await engine.read<SearchAnswer>('search', request, { timeoutMs: undefined })).hits;
  };

  return {
    options,
    embed,
    search,
    /** The same rows in each of the tables; those of the first round are embedded here. */
    async commit(tables: readonly TableName[], ids: readonly number[], round: number): Promise<void> {
      const store = await openWritableStore(options, LOCK);
      const writers = await Promise.all(tables.map((name) => store.openTable(documentsTarget(name))));
      mkdirSync(paths.cache, { recursive: true });
      const path = join(paths.cache, 'spool.ndjson');
      for (let at = 0; at < ids.length; at += ROWS_A_PART) {
        const some = ids.slice(at, at + ROWS_A_PART);
        if (round === 0) await embed(some, round);
        const lines = some.map(
          (id) => `${JSON.stringify({ ...data.row(id), body: textOf(data, id, round) })}\n`,
        );
        writeFileSync(path, lines.join(''));
        for (const writer of writers) {
          await writer.writePart({
            kind: 'records',
            path,
            rows: some.length,
            largestRecordBytes: 8000,
            schema: SCHEMA,
            deletes: false,
          });
        }
      }
      for (const writer of writers) await writer.commit(undefined);
      await store.close();
    },
    cpuSeconds: (work: () => Promise<void>) => cpuSeconds(engine, work),
    /** Of some of the changed rows. */
    async missing(ids: readonly number[], round: number): Promise<number> {
      let missing = 0;
      for (const id of ids.slice(0, 20)) {
        const where = `"id" = ${id}`;
        const [byWord] = await search({ mode: 'keyword', text: `round${round}`, where, k: 1 });
        const vector = vectorOf(textOf(data, id, round));
        const [byVector] = await search({ mode: 'vector', vector, where, k: 1 });
        if (byWord === undefined || (byVector?.score ?? 0) < 0.999) missing++;
      }
      return missing;
    },
    async close(): Promise<void> {
      await reading?.close();
      await engine.close();
    },
  };
}

/** A changed row says in which round. */
const textOf = (data: HybridRows, id: number, round: number): string =>
  round === 0 ? data.row(id).body : `${data.row(id).body} round${round}`;

/** Of a text alone, and of length 1. */
function vectorOf(text: string): Float32Array {
  let state = crc32(text) | 1;
  const vector = new Float32Array(DIMS);
  let squares = 0;
  for (let i = 0; i < DIMS; i++) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + i;
    vector[i] = (state >> 8) / 2 ** 23;
    squares += vector[i]! ** 2;
  }
  return vector.map((value) => value / Math.sqrt(squares));
}

/** Of this process and all that it started. */
async function cpuSeconds(engine: Engine, work: () => Promise<void>): Promise<number> {
  const before = taken(engine);
  await work();
  return taken(engine) - before;
}

const TICKS_A_SECOND = 100;

function taken(engine: Engine): number {
  const { user, system } = process.cpuUsage();
  const children = engine.pids().map((pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
  });
  return (user + system) / 1e6 + children.reduce((sum, seconds) => sum + seconds, 0);
}
