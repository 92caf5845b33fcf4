import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type NodeId, OWNER_GRANT, type PipelineId, type TableName } from '@hakiri/core';
import type { Engine } from '@hakiri/engine';
import { createServe } from '@hakiri/retrieval';
import { examineStore, nodeFiles, openStore, openWritableStore, type StoreOptions } from '@hakiri/store';
import { seededRandom, TEST_SEED } from '../../../../test/support/random.ts';
import { testEngine } from '../../../store/test/support/engine.ts';
import { schema, target } from '../../../store/test/support/test-store.ts';
import { systemClock } from '../../src/system-clock.ts';
import { live, start } from '../support/kill.ts';

/** As many kills as asked for; otherwise as many as fit in the time. */
const COUNT = Number(process.env.HAKIRI_CRASH_COUNT ?? Number.POSITIVE_INFINITY);
const BUDGET_MS = Number.isFinite(COUNT) ? Number.POSITIVE_INFINITY : 2_000;
const PROGRAM = new URL('../support/fold-program.ts', import.meta.url).pathname;
/** That of the program, so that the small writes are its own to fold; known after its first run. */
let node = '01JABCDEFGHJKMNPQRSTVWXYZ0' as NodeId;
const ROWS = 400;
const KEYS = 90;
const FORGOTTEN = 7;

const home = mkdtempSync(join(tmpdir(), 'hakiri-killed-'));
const engine: Engine = testEngine();
after(async () => {
  await engine.close();
  rmSync(home, { recursive: true, force: true });
});

const options = (folder: string): StoreOptions => ({
  root: join(folder, '.hakiri'),
  project: 'kill',
  node,
  files: nodeFiles,
  clock: systemClock,
  engine,
});

interface Command {
  readonly name: string;
  run(folder: string): ChildProcess;
  /** Which of the template's rows are there once it is done. */
  readonly keeps: (id: number) => boolean;
}

const COMMANDS: readonly Command[] = [
  { name: 'compact', run: (folder) => start(folder, 'compact'), keeps: () => true },
  { name: 'gc', run: (folder) => start(folder, 'gc'), keeps: () => true },
  {
    name: 'forget',
    run: (folder) => start(folder, 'forget', '--table', 'things', '--key', String(FORGOTTEN), '--yes'),
    keeps: (id) => id !== FORGOTTEN,
  },
  {
    name: 'fold',
    run: (folder) =>
      spawn(process.execPath, [PROGRAM, join(folder, '.hakiri'), 'kill', node, 'things'], {
        stdio: ['ignore', 'ignore', 'pipe'],
      }),
    keeps: () => true,
  },
];

/** A project with runs, two snapshots, a run beside them, and small writes that are not folded. */
async function makeTemplate(): Promise<string> {
  const folder = join(home, 'template');
  mkdirSync(join(folder, 'in'), { recursive: true });
  writeFileSync(
    join(folder, 'hakiri.toml'),
    `[project]
name = "kill"
[[pipeline]]
id = "p"
source = { connector = "file", config = { path = "in/*.ndjson" } }
tables = [{ source = "things", name = "things", primary_key = ["id"], incremental = "version", retention = "1s", commit_every = "50 rows" }]
`,
  );
  for (const file of [0, 1, 2]) {
    const rows = Array.from({ length: ROWS }, (_, i) => ({
      id: i % KEYS,
      version: file * ROWS + i,
      text: `row ${i} of ${file}`,
    }));
    writeFileSync(join(folder, `in/${file}.ndjson`), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    await mustWork(start(folder, 'run'));
    if (file < 2) await mustWork(start(folder, 'compact'));
  }
  const reader = await openStore(options(folder));
  node = (await reader.catalog.runs('things' as TableName))[0]?.node ?? node;
  await reader.close();
  const store = await openWritableStore(options(folder), { command: 'test', waitMs: 0 });
  const { mode, primaryKey, lineage } = target();
  const writer = store.openSmallWrites({
    table: 'things' as TableName,
    mode,
    primaryKey,
    lineage,
    pipeline: 'p' as PipelineId,
    incremental: 'version',
    subjectColumns: [],
    declared: schema({ id: 'int64', version: 'int64', text: 'string' }),
  });
  await writer.write([{ values: { id: FORGOTTEN, version: 5000, text: 'small' } }, { delete: { id: 3 } }]);
  await writer.close();
  await store.close();
  return folder;
}

async function mustWork(child: ChildProcess): Promise<number> {
  const { code, stderr, elapsedMs } = await live(child, undefined);
  assert.equal(code, 0, stderr);
  return elapsedMs;
}

async function held(folder: string): Promise<readonly (readonly unknown[])[]> {
  const store = await openStore(options(folder));
  try {
    const serve = createServe({ store, engine, notes: new Map() });
    const sql = 'SELECT id, version, text FROM things ORDER BY id';
    return (await serve.query({ sql }, OWNER_GRANT)).rows;
  } finally {
    await store.close();
  }
}

async function assertNothingFailed(folder: string): Promise<void> {
  const { checks } = await examineStore(options(folder));
  assert.deepEqual(
    checks.filter(({ state }) => state === 'failed'),
    [],
  );
}

/** Parts and half-written files that nothing names, once somebody has opened the store. */
async function leftovers(folder: string): Promise<readonly string[]> {
  const store = await openWritableStore(options(folder), { command: 'test', waitMs: 5000 });
  try {
    const { catalog, paths } = store;
    const table = 'things' as TableName;
    const collected = await catalog.collectedRuns(table);
    const runs = (await catalog.runs(table)).filter(({ run }) => !collected.has(run));
    const snapshots = await catalog.snapshots(table);
    const named = new Set(
      [...runs, ...snapshots.flatMap(({ partitions }) => partitions)].flatMap(({ parts }) =>
        parts.map(({ path }) => path),
      ),
    );
    return readdirSync(join(paths.tables, table, 'data'), { recursive: true })
      .map((name) => `tables/things/data/${name}`)
      .filter((path) => /\.(parquet|tmp)$/.test(path) && !named.has(path));
  } finally {
    await store.close();
  }
}

test('maintenance that is killed at any instant, and again, loses nothing, and the next attempt completes', async (t) => {
  const seed = TEST_SEED;
  const template = await makeTemplate();
  const before = await held(template);
  const lasts = new Map<string, number>();
  for (const command of COMMANDS) {
    const folder = join(home, `whole-${command.name}`);
    cpSync(template, folder, { recursive: true });
    lasts.set(command.name, await mustWork(command.run(folder)));
  }
  const started = performance.now();
  let kills = 0;
  let cases = 0;
  // A machine that is faster by now lets the first ones come to their end.
  for (; cases < COUNT && (kills === 0 || performance.now() - started < BUDGET_MS); cases++) {
    const random = seededRandom(seed + cases * 7919);
    const command = COMMANDS[cases % COMMANDS.length]!;
    const folder = join(home, `case-${cases}`);
    cpSync(template, folder, { recursive: true });
    const states = [before, before.filter(([id]) => command.keeps(Number(id)))];
    const times = random.many(
      random.chance(0.5) ? 2 : 1,
      () => random.next() * 1.1 * (lasts.get(command.name) ?? 0),
    );
    try {
      for (const ms of times) {
        const { code } = await live(command.run(folder), { kind: 'at', ms });
        if (code === null) kills++;
        assertOneOf(await held(folder), states);
      }
      await assertNothingFailed(folder);
      await mustWork(command.run(folder));
      assert.deepEqual(await held(folder), states[1], 'the next attempt did not complete');
      assert.deepEqual(await leftovers(folder), [], 'space was not given back');
      await assertNothingFailed(folder);
    } catch (cause) {
      throw new Error(
        `HAKIRI_SEED=${seed}: ${command.name}, case ${cases}, killed after ${times.join(', then ')} ms`,
        {
          cause,
        },
      );
    }
    rmSync(folder, { recursive: true });
  }
  t.diagnostic(`seed ${seed}: ${cases} cases, ${kills} kills before the end`);
  assert.ok(kills > 0, 'nothing was killed');
});

function assertOneOf(rows: unknown, states: readonly unknown[]): void {
  const text = JSON.stringify(rows);
  const isOne = states.some((state) => JSON.stringify(state) === text);
  assert.ok(isOne, 'the table holds neither the old state nor the new one');
}
