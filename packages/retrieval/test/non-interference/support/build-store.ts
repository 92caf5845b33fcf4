import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import type {
  IndexSpec,
  JobId,
  JsonValue,
  NodeId,
  PipelineId,
  RunId,
  Serve,
  TableMode,
  TableName,
  TableSchema,
} from '@hakiri/core';
import { createEngine } from '@hakiri/engine';
import { createServe, type ServeOptions } from '@hakiri/retrieval';
import { compactStore, nodeFiles, openStore, openWritableStore, type WritableStore } from '@hakiri/store';
import { indexed } from '../../serve/support/indexed.ts';
import { realClock } from '../../serve/support/world.ts';

export type Row = Readonly<Record<string, JsonValue>>;

export interface TableDef {
  readonly name: TableName;
  readonly schema: TableSchema;
  readonly mode: TableMode;
  readonly primaryKey: readonly string[];
  readonly incremental: string | undefined;
  /** Twins included. */
  readonly specs: readonly IndexSpec[];
}

/** What one commit changes of one table. */
export interface Commit {
  readonly table: TableName;
  readonly isSmall: boolean;
  readonly rows: readonly Row[];
  /** Of tables with a key; with whatever else a tombstone has. */
  readonly deleted: readonly Row[];
}

export type History = readonly (Commit | 'compact')[];

export interface Built {
  readonly folder: string;
  /** By place in the history; small writes are no runs of their own. */
  readonly runs: ReadonlyMap<number, RunId>;
  open(parts: Partial<ServeOptions>): Promise<Serve>;
  remove(): Promise<void>;
}

const LOCK = { command: 'test', waitMs: 0 };
const PROJECT = 'demo';
const CHILD = fileURLToPath(new URL('../../serve/support/engine-child.ts', import.meta.url));
/** Starting its children takes longer than building a store. */
const engine = createEngine({
  spawn: () => spawn(process.execPath, [CHILD], { stdio: ['pipe', 'pipe', 'inherit'] }),
});
after(() => engine.close());

/** A store with real parts that has gone through a history. */
export async function buildStore(tables: readonly TableDef[], history: History): Promise<Built> {
  const folder = mkdtempSync(join(tmpdir(), 'hakiri-seen-'));
  const root = join(folder, '.hakiri');
  const specs = Object.fromEntries(tables.map((table) => [table.name, table.specs]));
  const { search, sidecars } = indexed(root, engine, { specs });
  const options = {
    root,
    project: PROJECT,
    node: '01JABCDEFGHJKMNPQRSTVWXYZ0' as NodeId,
    files: nodeFiles,
    clock: realClock,
    engine,
    sidecars,
  };
  mkdirSync(join(root, 'cache'), { recursive: true });
  const spool = join(root, 'cache', 'spool.ndjson');
  const runs = new Map<number, RunId>();
  let open: WritableStore | undefined = await openWritableStore(options, LOCK);
  for (const [place, step] of history.entries()) {
    if (step === 'compact') {
      await open?.close();
      open = undefined;
      await compactStore(options, LOCK, {});
      continue;
    }
    open ??= await openWritableStore(options, LOCK);
    const table = tables.find(({ name }) => name === step.table)!;
    const run = step.isSmall ? await writeSmall(open, table, step) : await writeRun(open, table, step, spool);
    if (run !== undefined) runs.set(place, run);
  }
  await open?.close();
  const serves: Serve[] = [];
  return {
    folder,
    runs,
    async open(parts) {
      const store = await openStore(options);
      const serve = createServe({ store, engine, notes: new Map(), search, ...parts });
      serves.push(serve);
      return serve;
    },
    async remove() {
      await Promise.all(serves.map((serve) => serve.close()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const target = ({ name, mode, primaryKey, schema }: TableDef) => ({
  table: name,
  mode,
  primaryKey,
  subjectColumns: [],
  pipeline: 'p' as PipelineId,
  declared: schema,
  lineage: {
    connector: 'test',
    connectorVersion: '1',
    author: 'ada',
    componentHash: null,
    manifestHash: '',
  },
});

async function writeRun(
  store: WritableStore,
  table: TableDef,
  { rows, deleted }: Commit,
  spool: string,
): Promise<RunId> {
  const writer = await store.openTable({
    ...target(table),
    incremental: table.incremental,
    job: '01JABCDEFGHJKMNPQRSTVWXY00' as JobId,
    sourceTable: table.name,
    onConflict: 'quarantine',
    transform: undefined,
  });
  const lines = [...rows, ...deleted.map((row) => ({ ...row, _hakiri_deleted: true }))].map(
    (row) => `${JSON.stringify(row)}\n`,
  );
  writeFileSync(spool, lines.join(''));
  await writer.writePart({
    kind: 'records',
    path: spool,
    rows: lines.length,
    largestRecordBytes: Math.max(...lines.map((line) => Buffer.byteLength(line))),
    schema: table.schema,
    deletes: deleted.length > 0,
  });
  const commit = await writer.commit(undefined);
  if (commit === undefined || commit.setAside > 0) throw new Error(`${table.name} took not every row`);
  return commit.run;
}

async function writeSmall(
  store: WritableStore,
  table: TableDef,
  { rows, deleted }: Commit,
): Promise<undefined> {
  const { incremental } = table;
  const writer = store.openSmallWrites({
    ...target(table),
    ...(incremental === undefined ? {} : { incremental }),
  });
  await writer.write([...rows.map((values) => ({ values })), ...deleted.map((row) => ({ delete: row }))]);
}
