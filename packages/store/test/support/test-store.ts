import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import {
  type Clock,
  type JobId,
  type NodeId,
  type PipelineId,
  parseTypeName,
  type RunId,
  type SpoolInput,
  type TableName,
  type TableSchema,
  type TableTarget,
} from '@hakiri/core';
import type { Engine } from '@hakiri/engine';
import { nodeFiles, type StoreOptions } from '../../src/index.ts';

export const PROJECT = 'test';
export const NODE = '01JABCDEFGHJKMNPQRSTVWXYZ0' as NodeId;

export const realClock: Clock = {
  nowMs: Date.now,
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const timer = setTimeout(resolve, ms);
      signal?.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(signal.reason);
      });
    }),
};

/** A `.hakiri` folder that is gone after the test. */
export function emptyRoot(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'hakiri-store-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, '.hakiri');
}

/** Runs are numbered from 1 in each process. */
export function storeOptions(root: string, engine: Engine, firstRun = 1): StoreOptions {
  let run = firstRun;
  return {
    root,
    project: PROJECT,
    node: NODE,
    files: nodeFiles,
    clock: realClock,
    engine,
    newRunId: () => runId(run++),
  };
}

export const runId = (n: number): RunId => `01JABCDEFGHJKMNPQRSTVW${String(1000 + n)}` as RunId;

export const contextOf = (root: string): string => join(root, 'context', PROJECT);

/** `{ id: 'int64' }` as a schema. */
export function schema(columns: Readonly<Record<string, string>>): TableSchema {
  return {
    columns: Object.entries(columns).map(([name, type]) => ({
      name,
      type: type === 'undecided' ? { kind: 'undecided' } : parseTypeName(type),
    })),
  };
}

/** Records in a file, as the way in hands them over. */
export function spool(root: string, columns: TableSchema, rows: readonly object[]): SpoolInput {
  const lines = rows.map((row) => `${JSON.stringify(row)}\n`);
  mkdirSync(join(root, 'cache'), { recursive: true });
  const path = join(root, 'cache', 'spool.ndjson');
  writeFileSync(path, lines.join(''));
  return {
    kind: 'records',
    path,
    rows: rows.length,
    largestRecordBytes: Math.max(...lines.map((line) => Buffer.byteLength(line))),
    schema: columns,
    deletes: rows.some((row) => '_hakiri_deleted' in row),
  };
}

export function target(parts: Partial<TableTarget> = {}): TableTarget {
  return {
    job: '01JABCDEFGHJKMNPQRSTVWXY00' as JobId,
    pipeline: 'p' as PipelineId,
    sourceTable: 'things',
    table: 'things' as TableName,
    mode: 'merge',
    primaryKey: ['id'],
    incremental: undefined,
    subjectColumns: [],
    onConflict: 'quarantine',
    declared: { columns: [] },
    transform: undefined,
    lineage: {
      connector: 'test',
      connectorVersion: '1',
      author: 'test',
      componentHash: null,
      manifestHash: '',
    },
    ...parts,
  };
}
