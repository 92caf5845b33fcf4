import { join } from 'node:path';
import {
  type NodeId,
  type PipelineId,
  parseTypeName,
  type RunId,
  type TableName,
  type TableSchema,
} from '@hakiri/core';
import { nodeFiles, openWritableStore, type SmallRow } from '@hakiri/store';
import { ulid } from 'ulid';
import { testEngine } from '../../../store/test/support/engine.ts';
import { systemClock } from '../../src/system-clock.ts';
import type { CliProject } from './cli-project.ts';

const NODE = '01JABCDEFGHJKMNPQRSTVWXYZ0' as NodeId;

const COLUMNS: TableSchema = {
  columns: [
    { name: 'id', type: parseTypeName('int64') },
    { name: 'text', type: parseTypeName('string') },
  ],
};

/** Single rows for the table `notes` of a project, each write on its own: they stay beside Parquet. */
export async function writeNotes(
  { folder }: Pick<CliProject, 'folder'>,
  writes: readonly SmallRow[],
): Promise<void> {
  const engine = testEngine();
  let last = '';
  const store = await openWritableStore(
    {
      root: join(folder, '.hakiri'),
      project: 'demo',
      node: NODE,
      files: nodeFiles,
      clock: systemClock,
      engine,
      newRunId: (after) => {
        for (last = ulid(); after !== undefined && last <= after; last = ulid());
        return last as RunId;
      },
    },
    { command: 'test', waitMs: 5000 },
  );
  try {
    const writer = store.openSmallWrites({
      table: 'notes' as TableName,
      mode: 'merge',
      primaryKey: ['id'],
      subjectColumns: [],
      pipeline: 'memory' as PipelineId,
      declared: COLUMNS,
      lineage: {
        connector: 'test',
        connectorVersion: '1',
        author: 'test',
        componentHash: null,
        manifestHash: '',
      },
    });
    for (const row of writes) await writer.write([row]);
    await writer.close();
  } finally {
    await store.close();
    await engine.close();
  }
}
