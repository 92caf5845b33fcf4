import {
  BUILT_IN_DIMS,
  BUILT_IN_MODEL,
  HakiriError,
  type IndexSpec,
  type Lineage,
  type LogicalType,
  type PipelineId,
  type TableName,
  type TableSchema,
} from '@hakiri/core';
import type { SmallTarget } from '@hakiri/store';

const PREFIX = 'memory_';
const NAMESPACE = /^[a-z0-9][a-z0-9_]{0,55}$/;
const STRING: LogicalType = { kind: 'string' };

export const MEMORY_COLUMNS: TableSchema = {
  columns: [
    { name: 'id', type: STRING },
    { name: 'subject', type: STRING },
    { name: 'text', type: STRING },
    { name: 'tags', type: { kind: 'list', item: STRING } },
    { name: 'metadata', type: { kind: 'json' } },
    { name: 'source', type: STRING },
    { name: 'created', type: { kind: 'timestamp' } },
    { name: 'superseded', type: { kind: 'timestamp' } },
  ],
};

/** Both need no model: nothing is sent anywhere to remember, and the same text is found whoever asks. */
export const MEMORY_INDEXES: readonly IndexSpec[] = [
  { kind: 'fts', name: 'words', columns: ['text', 'subject'], analyzer: 'english' },
  {
    kind: 'vector',
    name: 'likeness',
    columns: ['text'],
    model: BUILT_IN_MODEL,
    dims: BUILT_IN_DIMS,
    metric: 'cosine',
    scan: 'int8',
  },
];

export const isMemoryTable = (table: string): boolean => table.startsWith(PREFIX);

/** @throws HakiriError memory.invalid */
export function memoryTable(namespace: string): TableName {
  if (!NAMESPACE.test(namespace)) {
    throw new HakiriError('memory.invalid', 'The namespace is not valid', {
      hint: 'Use lower-case letters, digits and underscores, at most 56: "default", "project_x".',
    });
  }
  return `${PREFIX}${namespace}` as TableName;
}

export function memoryTarget(table: TableName, author: string): SmallTarget {
  const lineage: Lineage = {
    connector: 'memory',
    connectorVersion: '1',
    author,
    componentHash: null,
    manifestHash: '',
  };
  return {
    table,
    mode: 'merge',
    primaryKey: ['id'],
    subjectColumns: ['subject'],
    pipeline: 'memory' as PipelineId,
    declared: MEMORY_COLUMNS,
    lineage,
  };
}
