import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CatalogTable, Files, JsonValue, PipelineId, TableName } from '@hakiri/core';
import type { Engine } from '@hakiri/engine';
import { openSmallWrites } from '../../src/delta/small-writer.ts';
import {
  nodeFiles,
  openWritableStore,
  type SmallRow,
  type SmallTarget,
  type SmallWriteOptions,
  type WritableStore,
} from '../../src/index.ts';
import { storeContext } from '../../src/open-context.ts';
import type { StoreContext } from '../../src/store-context.ts';
import { type AnyRow, readThroughView } from './foreign-readers.ts';
import { contextOf, schema, storeOptions, target } from './test-store.ts';

export const NOTES = 'notes' as TableName;

export const NOTE_COLUMNS = schema({ id: 'int64', text: 'string', tags: 'string[]', created: 'timestamp' });

export interface OpenNotes {
  readonly root: string;
  readonly store: WritableStore;
  readonly context: StoreContext;
}

/** A store, opened as a process would; runs are numbered from `firstRun`. */
export async function openNotes(
  root: string,
  engine: Engine,
  { firstRun = 1, files = nodeFiles }: { readonly firstRun?: number; readonly files?: Files } = {},
): Promise<OpenNotes> {
  const options = { ...storeOptions(root, engine, firstRun), files };
  const store = await openWritableStore(options, { command: 'test', waitMs: 0 });
  return { root, store, context: storeContext(options, store.paths, store.catalog) };
}

export function smallTarget(parts: Partial<SmallTarget> = {}): SmallTarget {
  return {
    table: NOTES,
    mode: 'merge',
    primaryKey: ['id'],
    subjectColumns: [],
    pipeline: 'memory' as PipelineId,
    declared: NOTE_COLUMNS,
    lineage: target().lineage,
    ...parts,
  };
}

export const smallWrites = (
  { context }: OpenNotes,
  parts: Partial<SmallTarget> = {},
  options: SmallWriteOptions = {},
) => openSmallWrites(context, smallTarget(parts), options);

export const row = (values: Record<string, JsonValue>): SmallRow => ({ values });
export const gone = (id: number): SmallRow => ({ delete: { id } });

export async function notesTable({ store }: OpenNotes): Promise<CatalogTable> {
  const table = await store.catalog.table(NOTES);
  if (!table) throw new Error('there is no table yet');
  return table;
}

/** The rows of the view as the disk has it, by id, without our own columns. */
export async function notes(root: string): Promise<AnyRow[]> {
  const rows = await readThroughView(contextOf(root), NOTES);
  return rows
    .map((found) =>
      Object.fromEntries(Object.entries(found).filter(([name]) => !name.startsWith('_hakiri_'))),
    )
    .sort((a, b) => Number(a.id) - Number(b.id));
}

/** `id` to `text`. */
export async function texts(root: string): Promise<Record<string, unknown>> {
  return Object.fromEntries((await notes(root)).map(({ id, text }) => [String(id), text]));
}

export const deltaText = (root: string, path: string): string =>
  readFileSync(join(contextOf(root), path), 'utf8');
