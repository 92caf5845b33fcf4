/**
 * The way in, from pages to committed Parquet, as a process of its own: a source that hands on pages of NDJSON,
 * then runner, engine and store as they are. Arguments: pages, store folder, bundle for the engine's child, and
 * whether the columns are declared.
 */
import { spawn } from 'node:child_process';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Batch,
  type JobId,
  type NodeId,
  type Pipeline,
  type PipelineId,
  parseTypeName,
  type Source,
  TABLE_DEFAULTS,
  type TableName,
} from '@hakiri/core';
import { createEngine } from '@hakiri/engine';
import { runPipelines } from '@hakiri/ingest';
import { nodeFiles, openWritableStore } from '@hakiri/store';
import { systemClock } from '../../packages/cli/src/system-clock.ts';
import { GITHUB_DECLARED } from './github-rows.ts';

const [pages = '', root = '', bundle = '', mode = ''] = process.argv.slice(2);
const BUFFER_BYTES = 1024 * 1024;

async function* piecesOf(file: FileHandle, buffer: Buffer): AsyncGenerator<Uint8Array> {
  for (let held = 0; ; ) {
    const { bytesRead } = await file.read(buffer, held, BUFFER_BYTES - held);
    if (bytesRead === 0) return;
    const filled = held + bytesRead;
    const end = buffer.lastIndexOf(10, filled - 1) + 1;
    yield buffer.subarray(0, end);
    buffer.copyWithin(0, end, filled);
    held = filled - end;
  }
}

const source: Source = {
  discover: async () => [
    {
      name: 'issues',
      primaryKey: ['id'],
      incremental: 'updated_at',
      cursorKind: 'monotonic',
      readingOrder: 'ascending',
    },
  ],
  schema: async () => undefined,
  async *pull(): AsyncGenerator<Batch> {
    const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
    for (const name of (await readdir(pages)).sort()) {
      const file = await open(join(pages, name));
      for await (const records of piecesOf(file, buffer)) yield { kind: 'records', records };
      await file.close();
      yield { kind: 'records', records: new Uint8Array(), cursor: name };
    }
  },
  commitCursor: async () => {},
  estimate: async () => ({}),
  close: async () => {},
};

const columns = Object.entries(GITHUB_DECLARED).map(([name, type]) => ({
  name,
  type: parseTypeName(type),
  agentHint: undefined,
  inferenceZones: undefined,
  piiType: undefined,
  onWrite: undefined,
  contains: [],
}));
const pipeline: Pipeline = {
  id: 'pages' as PipelineId,
  source: { connector: 'pages', config: {} },
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
      ...TABLE_DEFAULTS,
      source: 'issues',
      name: 'issues' as TableName,
      primaryKey: undefined,
      mode: undefined,
      incremental: undefined,
      accessPattern: undefined,
      subjectColumns: undefined,
      agentDescription: undefined,
      inferenceZones: undefined,
      indexes: [],
      columns: mode === 'declared' ? columns : [],
      unknownColumns: mode === 'declared' ? 'drop' : 'add',
    },
  ],
};

const engine = createEngine({
  spawn: (role) =>
    spawn(process.execPath, [bundle, '__engine', role], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, UV_THREADPOOL_SIZE: '1' },
    }),
});
const store = await openWritableStore(
  {
    root,
    project: 'bench',
    node: '01JABCDEFGHJKMNPQRSTVWXYZ0' as NodeId,
    files: nodeFiles,
    clock: systemClock,
    engine,
  },
  { command: 'bench', waitMs: 0 },
);
const never = new AbortController().signal;
const report = await runPipelines({
  job: '01JABCDEFGHJKMNPQRSTVWXYZ1' as JobId,
  manifest: {
    project: { name: 'bench', publicKeys: [] },
    pipelines: [pipeline],
    transforms: [],
    embeddings: [],
    policies: [],
    policyTests: [],
  },
  pipelines: [pipeline],
  destination: store,
  jobs: store.catalog,
  files: nodeFiles,
  clock: systemClock,
  spoolFolder: join(root, 'cache', 'spool'),
  parallel: 1,
  createSource: () => source,
  lineage: () => ({
    connector: 'pages',
    connectorVersion: '1',
    author: 'bench',
    componentHash: null,
    manifestHash: '',
  }),
  stop: never,
  kill: never,
  onEvent: () => {},
});
await store.close();
await engine.close();
for (const { error } of report.tables) if (error) throw error;
