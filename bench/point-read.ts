import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { createEngine, type Engine } from '@hakiri/engine';
import { openRowSidecars, type RowSidecars, readThroughEngine, sidecarPath } from '@hakiri/store';
import { type KeyedTable, keyedTable } from './support/keyed-table.ts';
import { median } from './support/measure.ts';
import { generator, prosePage } from './support/prose.ts';
import { type Bar, limitBar, ratioBar, type Scale } from './support/report.ts';

const BUNDLE = new URL('../dist/hakiri.mjs', import.meta.url).pathname;
const FIRST_ID = 1_000_000_000;
const GROUP = 32;

/**
 * Rows by key through the sidecar, and the same through Parquet. Keys are drawn evenly over a table that is some
 * two hundred times larger than the blocks that are kept in memory.
 */
export async function pointRead(scale: Scale, dataFolder: string): Promise<readonly Bar[]> {
  const rows = scale === 'full' ? 200_000 : 60_000;
  const committed = rows / 2;
  const page = prosePage(join(dataFolder, 'prose', `${rows}.ndjson`), rows);
  const root = mkdtempSync(join(tmpdir(), 'hakiri-bench-'));
  const engine = benchEngine();
  try {
    const table = await keyedTable(root, engine, page, rows);
    const sidecars = openRowSidecars({ ...table, engine });
    const build = await cpuOf(engine, () => sidecars.get(table.name, [[FIRST_ID]]));
    const bytes = statSync(sidecarPath(table.paths.cache, 'bench', table.name)).size;
    const reads = await readTimes(sidecars, engine, table, rows, scale === 'full' ? 20_000 : 4_000);
    await table.commit(1, committed / 2, committed / 2 + committed);
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const commit = await cpuOf(engine, () => sidecars.afterCommit(table.table));
    delay.disable();
    const small = await smallWrites(sidecars, table, page, scale === 'full' ? 300 : 60);
    const grown = statSync(sidecarPath(table.paths.cache, 'bench', table.name)).size;
    await sidecars.close();
    const what = `${rows} rows, keys drawn evenly`;
    return [
      limitBar(
        'point-read',
        `ms, one key, p99, ${what} (reference: p99 through Parquet)`,
        reads.one,
        1,
        reads.parquetOne,
      ),
      limitBar(
        'point-read',
        `ms, ten keys, p99, ${what} (reference: p99 through Parquet)`,
        reads.ten,
        2,
        reads.parquetTen,
      ),
      ratioBar(
        'point-read',
        'MB, sidecar over the Parquet of its snapshot',
        bytes / 1e6,
        table.parquetBytes / 1e6,
        2,
      ),
      limitBar('point-read', 'us CPU a row to build it', (build.cpuSeconds * 1e6) / rows, 60),
      limitBar(
        'point-read',
        `us CPU a row to take in a commit of ${committed} rows, all of them replacing one (the file is then ${(grown / 1e6).toFixed(1)} MB)`,
        (commit.cpuSeconds * 1e6) / committed,
        90,
      ),
      limitBar('point-read', 'ms the main process stood still meanwhile, at most', delay.max / 1e6, 50),
      limitBar('point-read', `us of the main process for a small write, groups of ${GROUP}`, small, 300),
    ];
  } finally {
    await engine.close();
    rmSync(root, { recursive: true, force: true });
  }
}

function benchEngine(): Engine {
  return createEngine({
    spawn: (role) =>
      spawn(process.execPath, [BUNDLE, '__engine', role], {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: { ...process.env, UV_THREADPOOL_SIZE: '1' },
      }),
  });
}

async function readTimes(
  sidecars: RowSidecars,
  engine: Engine,
  table: KeyedTable,
  rows: number,
  count: number,
) {
  const random = generator(7);
  const keys = (n: number) => Array.from({ length: n }, () => [FIRST_ID + Math.floor(random() * rows)]);
  const times = async (
    n: number,
    rounds: number,
    read: (keys: number[][]) => Promise<readonly unknown[]>,
  ) => {
    const taken: number[] = [];
    for (let i = 0; i < rounds; i++) {
      const asked = keys(n);
      const started = performance.now();
      const found = await read(asked);
      taken.push(performance.now() - started);
      if (found.includes(undefined)) throw new Error('A row that is there was not found');
      // Requests come from outside: what Node puts off until then is done between two of them.
      await setImmediate();
    }
    return taken.sort((a, b) => a - b)[Math.floor(rounds * 0.99)] ?? Number.NaN;
  };
  const sidecar = (asked: number[][]) => sidecars.get(table.name, asked);
  const parquet = (asked: number[][]) => readThroughEngine(engine, table.paths.absolute, table.table, asked);
  return {
    one: await ofThree(() => times(1, count, sidecar)),
    ten: await ofThree(() => times(10, count / 4, sidecar)),
    parquetOne: await times(1, 40, parquet),
    parquetTen: await times(10, 20, parquet),
  };
}

/** The median: what else the machine does in one of them is not ours. */
async function ofThree(measure: () => Promise<number>): Promise<number> {
  return median([await measure(), await measure(), await measure()]);
}

/** Microseconds a write, of groups as the file of small writes takes them. */
async function smallWrites(
  sidecars: RowSidecars,
  table: KeyedTable,
  page: string,
  groups: number,
): Promise<number> {
  const rows = readFileSync(page, 'utf8')
    .split('\n', GROUP * groups)
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  let spent = 0;
  for (let group = 0; group < groups; group++) {
    table.write(2, group * GROUP, rows.slice(group * GROUP, (group + 1) * GROUP));
    const started = performance.now();
    sidecars.afterSmallWrite(table.table);
    spent += performance.now() - started;
  }
  return (spent * 1000) / (groups * GROUP);
}

/** CPU of the engine's children and of this process. */
async function cpuOf(engine: Engine, work: () => Promise<unknown>): Promise<{ readonly cpuSeconds: number }> {
  const own = process.cpuUsage();
  const before = childTicks(engine);
  await work();
  const { user, system } = process.cpuUsage(own);
  return { cpuSeconds: (childTicks(engine) - before) / 100 + (user + system) / 1e6 };
}

/** Hundredths of a second, user and system (Linux: /proc/<pid>/stat). */
function childTicks(engine: Engine): number {
  return engine.pids().reduce((sum, pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13);
    return sum + Number(user) + Number(system);
  }, 0);
}
