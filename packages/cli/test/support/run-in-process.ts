import { join } from 'node:path';
import {
  type Clock,
  type Files,
  type JobId,
  type Manifest,
  type NodeId,
  OWNER_GRANT,
  type Pipeline,
  type PipelineId,
  type RunId,
  type Source,
  TABLE_DEFAULTS,
  type Table,
  type TableName,
} from '@hakiri/core';
import type { Engine } from '@hakiri/engine';
import { type RunEvent, type RunReport, runPipelines } from '@hakiri/ingest';
import { createServe } from '@hakiri/retrieval';
import { nodeFiles, openStore, openWritableStore, type StoreOptions } from '@hakiri/store';
import { ulid } from 'ulid';
import { systemClock } from '../../src/system-clock.ts';

export interface RunOptions {
  readonly root: string;
  readonly engine: Engine;
  readonly source: Source;
  readonly files?: Files;
  readonly clock?: Clock;
  readonly table?: Partial<Table>;
  readonly manifest?: Partial<Manifest>;
  readonly newRunId?: (after: RunId | undefined) => RunId;
  readonly settings?: StoreOptions['settings'];
  readonly onEvent?: (event: RunEvent) => void;
  readonly stop?: AbortSignal;
}

export const PROJECT = 'test';
const NODE = '01JABCDEFGHJKMNPQRSTVWXYZ0' as NodeId;

/** A run of one pipeline with one table, in this process: store, engine and runner are the real ones. */
export async function runInProcess(options: RunOptions): Promise<RunReport> {
  const store = await openWritableStore(storeOptions(options), { command: 'test', waitMs: 0 });
  try {
    const pipeline: Pipeline = {
      id: 'p' as PipelineId,
      source: { connector: 'rows', config: {} },
      secrets: [],
      allowHosts: [],
      incremental: undefined,
      lookbackMs: undefined,
      retentionMs: undefined,
      tombstoneRetentionMs: undefined,
      schedule: undefined,
      inferenceZones: undefined,
      tables: [
        {
          source: 'rows',
          name: 'rows' as TableName,
          primaryKey: undefined,
          mode: undefined,
          incremental: undefined,
          accessPattern: undefined,
          subjectColumns: undefined,
          agentDescription: undefined,
          inferenceZones: undefined,
          indexes: [],
          columns: [],
          ...TABLE_DEFAULTS,
          ...options.table,
        },
      ],
    };
    const never = new AbortController().signal;
    return await runPipelines({
      job: ulid() as JobId,
      manifest: {
        project: { name: PROJECT, publicKeys: [] },
        pipelines: [pipeline],
        transforms: [],
        embeddings: [],
        policies: [],
        policyTests: [],
        ...options.manifest,
      },
      pipelines: [pipeline],
      destination: store,
      jobs: store.catalog,
      files: options.files ?? nodeFiles,
      clock: options.clock ?? systemClock,
      spoolFolder: join(options.root, 'cache', 'spool'),
      parallel: 1,
      createSource: () => options.source,
      lineage: () => ({
        connector: 'rows',
        connectorVersion: '1',
        author: 'test',
        componentHash: null,
        manifestHash: '',
      }),
      stop: options.stop ?? never,
      kill: never,
      onEvent: options.onEvent ?? (() => {}),
    });
  } finally {
    await store.close();
  }
}

export function storeOptions({
  root,
  engine,
  files = nodeFiles,
  clock = systemClock,
  newRunId,
  settings,
}: Pick<RunOptions, 'root' | 'engine' | 'files' | 'clock' | 'newRunId' | 'settings'>): StoreOptions {
  return {
    root,
    project: PROJECT,
    node: NODE,
    files,
    clock,
    engine,
    ...(newRunId ? { newRunId } : {}),
    ...(settings ? { settings } : {}),
  };
}

/** The answer to a query over the store as it lies there, as objects. */
export async function queryStore(
  options: Pick<RunOptions, 'root' | 'engine'>,
  sql: string,
): Promise<Record<string, unknown>[]> {
  const store = await openStore(storeOptions(options));
  try {
    const { rows, columns } = await createServe({ store, engine: options.engine, notes: new Map() }).query(
      { sql },
      OWNER_GRANT,
    );
    return rows.map((row) => Object.fromEntries(row.map((cell, i) => [columns[i]?.name, cell])));
  } finally {
    await store.close();
  }
}
