import { type ChildProcess, spawn } from 'node:child_process';
import {
  type IndexSpec,
  type JobId,
  type PipelineId,
  parseTypeName,
  type TableName,
  type TableTarget,
} from '@hakiri/core';

const CHILD = new URL('./search-child.ts', import.meta.url).pathname;

const TYPES = { id: 'int64', permille: 'int32', topic: 'int32', body: 'string' };

/** The table that the benches of search are about. */
export const SCHEMA = {
  columns: Object.entries(TYPES).map(([name, type]) => ({ name, type: parseTypeName(type) })),
};

export const PUBLISH_SPECS: readonly IndexSpec[] = [
  { kind: 'fts', name: 'words', columns: ['body'], analyzer: 'english' },
  {
    kind: 'vector',
    name: 'near',
    columns: ['body'],
    model: 'synthetic',
    dims: 128,
    metric: 'cosine',
    scan: 'int8',
  },
];

export function documentsTarget(table: TableName): TableTarget {
  return {
    job: '01JABCDEFGHJKMNPQRSTVWXYZ1' as JobId,
    pipeline: 'documents' as PipelineId,
    sourceTable: 'documents',
    table,
    mode: 'merge',
    primaryKey: ['id'],
    incremental: undefined,
    subjectColumns: [],
    onConflict: 'quarantine',
    declared: SCHEMA,
    transform: undefined,
    lineage: {
      connector: 'bench',
      connectorVersion: '1',
      author: 'bench',
      componentHash: null,
      manifestHash: '',
    },
  };
}

export function spawnSearchChild(): ChildProcess {
  return spawn(process.execPath, [CHILD], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, UV_THREADPOOL_SIZE: '1' },
  });
}
