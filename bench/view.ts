import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { JobId, NodeId, PipelineId, TableName, TableTarget } from '@hakiri/core';
import { parseTypeName } from '@hakiri/core';
import { createEngine } from '@hakiri/engine';
import { compactStore, nodeFiles, openWritableStore, type WritableStore } from '@hakiri/store';
import { systemClock } from '../packages/cli/src/system-clock.ts';
import { GITHUB_DECLARED, githubPages, githubRow, PAGE_ROWS } from './support/github-rows.ts';
import { median } from './support/measure.ts';
import { type Bar, ratioBar, type Scale } from './support/report.ts';

const RUNS = 20;
const RUN_ROWS = 1000;
const ROUNDS = 11;
const BUNDLE = new URL('../dist/hakiri.mjs', import.meta.url).pathname;
const LOCK = { command: 'bench', waitMs: 0 };
const AGGREGATE = 'SELECT state, count(*), avg(comments), max(updated_at) FROM issues GROUP BY state';

const SCHEMA = {
  columns: Object.entries(GITHUB_DECLARED).map(([name, type]) => ({ name, type: parseTypeName(type) })),
};

const TARGET: TableTarget = {
  job: '01JABCDEFGHJKMNPQRSTVWXYZ1' as JobId,
  pipeline: 'issues' as PipelineId,
  sourceTable: 'issues',
  table: 'issues' as TableName,
  mode: 'merge',
  primaryKey: ['id'],
  incremental: 'updated_at',
  subjectColumns: [],
  onConflict: 'quarantine',
  declared: { columns: [] },
  transform: undefined,
  lineage: {
    connector: 'bench',
    connectorVersion: '1',
    author: 'bench',
    componentHash: null,
    manifestHash: '',
  },
};

/** Which rows of the snapshot a newer run changes. */
type Spread = (run: number, row: number, rows: number) => number;

const SPREADS: Readonly<Record<string, Spread>> = {
  'most of them of recent rows': (run, row, rows) =>
    row % 20 === 0 ? spread(run, row, rows) : rows - 1 - (spread(run, row, rows) % Math.floor(rows / 50)),
  'spread over all rows': spread,
};

function spread(run: number, row: number, rows: number): number {
  return (Math.imul(run * RUN_ROWS + row + 1, 2654435761) >>> 0) % rows;
}

/** An aggregate over the view of a snapshot and newer runs, beside the same over the snapshot alone. */
export async function view(scale: Scale, dataFolder: string): Promise<readonly Bar[]> {
  const rows = scale === 'full' ? 2_000_000 : 200_000;
  const bars: Bar[] = [];
  for (const [name, changed] of Object.entries(SPREADS)) {
    const { aloneMs, besideMs } = await measure(githubPages(dataFolder, rows), rows, changed);
    const metric = `ms, aggregate over a snapshot of ${rows} rows and ${RUNS} runs of ${RUN_ROWS} updates, ${name}, over the snapshot alone`;
    bars.push(ratioBar('view', metric, besideMs, aloneMs, 1.5));
  }
  return bars;
}

async function measure(pages: string, rows: number, changed: Spread) {
  const root = join(mkdtempSync(join(tmpdir(), 'hakiri-bench-')), '.hakiri');
  const engine = createEngine({
    spawn: (role) =>
      spawn(process.execPath, [BUNDLE, '__engine', role], { stdio: ['pipe', 'pipe', 'inherit'] }),
  });
  const options = {
    root,
    project: 'bench',
    node: '01JABCDEFGHJKMNPQRSTVWXYZ0' as NodeId,
    files: nodeFiles,
    clock: systemClock,
    engine,
  };
  const store = await openWritableStore(options, LOCK);
  try {
    for (const page of readdirSync(pages).sort()) {
      await takeRun(store, join(pages, page), Math.min(PAGE_ROWS, rows));
    }
    await compactStore(options, LOCK, {});
    const viewFile = join(store.paths.views, 'issues.sql');
    const alone = readFileSync(viewFile, 'utf8');
    const spool = join(root, 'cache', 'spool.ndjson');
    mkdirSync(join(root, 'cache'), { recursive: true });
    for (let run = 0; run < RUNS; run++) {
      const lines = Array.from({ length: RUN_ROWS }, (_, row) => update(changed(run, row, rows), run));
      writeFileSync(spool, lines.join(''));
      await takeRun(store, spool, RUN_ROWS);
    }
    return await times(store.paths.context, alone, readFileSync(viewFile, 'utf8'), rows);
  } finally {
    await store.close();
    await engine.close();
    rmSync(join(root, '..'), { recursive: true, force: true });
  }
}

async function takeRun(store: WritableStore, path: string, rows: number): Promise<void> {
  const writer = await store.openTable(TARGET);
  const largestRecordBytes = 4000;
  await writer.writePart({ kind: 'records', path, rows, largestRecordBytes, schema: SCHEMA, deletes: false });
  await writer.commit(undefined);
}

/** The row once it has changed: newer than all there is. */
function update(row: number, run: number): string {
  const changed = JSON.parse(githubRow(row)) as Record<string, unknown>;
  changed.state = 'closed';
  changed.comments = 1000;
  changed.updated_at = new Date(1_700_000_000_000 + run * 60_000).toISOString();
  return `${JSON.stringify(changed)}\n`;
}

/** As any reader runs them: the views' own text, in an engine that is warm, in turns. */
async function times(context: string, alone: string, beside: string, rows: number) {
  const here = process.cwd();
  process.chdir(context);
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  const connection = await instance.connect();
  const once = async (statement: string): Promise<number> => {
    await connection.run(statement);
    const started = performance.now();
    const reader = await connection.runAndReadAll(AGGREGATE);
    const ms = performance.now() - started;
    const counted = reader.getRows().reduce((sum, [, count]) => sum + Number(count), 0);
    if (counted !== rows) throw new Error(`${counted} rows of ${rows}`);
    return ms;
  };
  try {
    const aloneTimes: number[] = [];
    const besideTimes: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      aloneTimes.push(await once(alone));
      besideTimes.push(await once(beside));
    }
    return { aloneMs: median(aloneTimes), besideMs: median(besideTimes) };
  } finally {
    connection.closeSync();
    instance.closeSync();
    process.chdir(here);
  }
}
