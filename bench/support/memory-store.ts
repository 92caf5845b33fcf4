import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type JobId,
  type JsonValue,
  type NodeId,
  type PipelineId,
  parseTypeName,
  type TableName,
  type TableSchema,
} from '@hakiri/core';
import { createEngine } from '@hakiri/engine';
import { nodeFiles, openWritableStore, type SmallWriter } from '@hakiri/store';
import { systemClock } from '../../packages/cli/src/system-clock.ts';
import { compactTable } from '../../packages/store/src/compact/compact-table.ts';
import { openSmallWrites } from '../../packages/store/src/delta/small-writer.ts';
import { storeContext } from '../../packages/store/src/open-context.ts';

const BUNDLE = new URL('../../dist/hakiri.mjs', import.meta.url).pathname;

const TYPES = { id: 'string', subject: 'string', text: 'string', tags: 'string[]', created: 'timestamp' };

const COLUMNS: TableSchema = {
  columns: Object.entries(TYPES).map(([name, type]) => ({ name, type: parseTypeName(type) })),
};

const WORDS =
  'deploy customer prefers invoice monthly region latency checkout retry contract renewal after before weekend'.split(
    ' ',
  );

const TARGET = {
  table: 'memories' as TableName,
  mode: 'merge',
  primaryKey: ['id'],
  subjectColumns: ['subject'],
  pipeline: 'memory' as PipelineId,
  declared: COLUMNS,
  lineage: {
    connector: 'memory',
    connectorVersion: '1',
    author: 'bench',
    componentHash: null,
    manifestHash: '',
  },
} as const;

export interface MemoryStore {
  readonly writer: SmallWriter;
  /** What the view's paths are relative to. */
  readonly context: string;
  memory(n: number): Record<string, JsonValue>;
  /** The first so many memories as one run. */
  commitRun(rows: number): Promise<void>;
  compact(): Promise<void>;
  close(): Promise<void>;
}

/** A table of notes as an agent makes them: about 200 characters of text each. */
export async function openMemoryStore(root: string, foldAtRows: number): Promise<MemoryStore> {
  const engine = createEngine({
    spawn: (role) =>
      spawn(process.execPath, [BUNDLE, '__engine', role], {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: { ...process.env, UV_THREADPOOL_SIZE: '1' },
      }),
  });
  const options = {
    root,
    project: 'bench',
    node: '01JABCDEFGHJKMNPQRSTVWXYZ0' as NodeId,
    files: nodeFiles,
    clock: systemClock,
    engine,
  };
  const store = await openWritableStore(options, { command: 'bench', waitMs: 0 });
  const context = storeContext(options, store.paths, store.catalog);
  const never = Number.POSITIVE_INFINITY;
  const writer = openSmallWrites(context, TARGET, {
    foldAt: { bytes: never, rows: foldAtRows, ageMs: never },
  });
  return {
    writer,
    context: store.paths.context,
    memory,
    async commitRun(rows) {
      const lines = Array.from({ length: rows }, (_, n) => `${JSON.stringify(memory(n))}\n`);
      mkdirSync(store.paths.cache, { recursive: true });
      const path = join(store.paths.cache, 'spool.ndjson');
      writeFileSync(path, lines.join(''));
      const table = await store.openTable({
        ...TARGET,
        job: '01JABCDEFGHJKMNPQRSTVWXYZ1' as JobId,
        sourceTable: 'memories',
        incremental: undefined,
        onConflict: 'quarantine',
        transform: undefined,
      });
      const spool = {
        kind: 'records',
        path,
        rows,
        largestRecordBytes: 2000,
        schema: COLUMNS,
        deletes: false,
      } as const;
      await table.writePart(spool);
      await table.commit(undefined);
    },
    async compact() {
      await compactTable(context, TARGET.table, 'asked');
    },
    async close() {
      await writer.close();
      await store.close();
      await engine.close();
    },
  };
}

function memory(n: number): Record<string, JsonValue> {
  const words = Array.from({ length: 28 }, (_, i) => WORDS[(n * 7 + i * 5 + (n >> (i % 9))) % WORDS.length]);
  return {
    id: `mem_${String(n * 7919 + 1).padStart(12, '0')}`,
    subject: `customer-${n % 997}`,
    text: words.join(' '),
    tags: [`t${n % 11}`, `k${n % 7}`],
    created: new Date(Date.UTC(2026, 9, 1) + n * 1000).toISOString(),
  };
}
