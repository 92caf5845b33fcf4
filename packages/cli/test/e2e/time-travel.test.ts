import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { type CliProject, cliProject, type Row } from '../support/cli-project.ts';
import { writeNotes } from '../support/write-notes.ts';

const ORDERS = `[[pipeline]]
id = "orders"
source = { connector = "file", config = { path = "orders.ndjson" } }

  [[pipeline.tables]]
  source = "orders"
  name = "orders"
  primary_key = ["id"]
  incremental = "at"
  access_pattern = "by_state"
  retention = "3d"
`;

const now = (): string => new Date().toISOString();

async function runWith(project: CliProject, rows: readonly Row[]): Promise<string> {
  project.write('orders.ndjson', rows);
  await project.run();
  return now();
}

async function answer(project: CliProject, ...argv: readonly string[]): Promise<readonly Row[]> {
  const { code, stdout, stderr } = await project.hakiri('query', '--json', ...argv);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout).rows;
}

async function json(project: CliProject, ...argv: readonly string[]) {
  const { code, stdout, stderr } = await project.hakiri(...argv, '--json');
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

async function shop(t: TestContext) {
  const project = cliProject(t, ORDERS);
  const before = now();
  const first = await runWith(project, [
    { id: 1, state: 'open', at: '2026-01-01' },
    { id: 2, state: 'open', at: '2026-01-02' },
  ]);
  const second = await runWith(project, [
    { id: 1, state: 'shut', at: '2026-01-03', note: 'a column that came later' },
    { id: 2, _hakiri_deleted: true, at: '2026-01-04' },
  ]);
  return { project, before, first, second };
}

test('a query sees the tables as they were, by time and by run, before and after compaction', async (t) => {
  const { project, before, first, second } = await shop(t);
  const runs = (await project.rows('select distinct _hakiri_run as run from orders')).map(({ run }) => run);
  const then = [
    { id: 1, state: 'open', at: '2026-01-01' },
    { id: 2, state: 'open', at: '2026-01-02' },
  ];
  const after = [{ id: 1, state: 'shut', at: '2026-01-03', note: 'a column that came later' }];
  const check = async (): Promise<void> => {
    assert.deepEqual(await answer(project, '--as-of', first, 'from orders order by id'), then);
    assert.deepEqual(await answer(project, '--as-of', second, '--table', 'orders'), after);
    assert.deepEqual(await answer(project, '--as-of', String(runs[0]), 'from orders'), after);
    const [state] = await answer(
      project,
      '--as-of',
      first,
      '--table',
      'orders',
      '--filter',
      'id = 2',
      '--select',
      'state',
    );
    assert.deepEqual(state, { state: 'open' });
  };
  await check();
  const { tables } = await json(project, 'compact');
  assert.deepEqual([tables[0].table, tables[0].runs, tables[0].before.parts], ['orders', 2, 2]);
  await check();
  for (const argv of [['from orders'], ['--table', 'orders']]) {
    const { error } = await project.failing('query', '--as-of', before, ...argv);
    assert.equal(error.code, 'query.unknown_table');
    assert.match(error.message, /There was no table "orders" at 20/);
  }
  const column = await project.failing('query', '--as-of', first, '--table', 'orders', '--select', 'note');
  assert.equal(column.error.code, 'query.unknown_column');
});

test('small writes are in the past, too', async (t) => {
  const { project } = await shop(t);
  await writeNotes(project, [{ values: { id: 1, text: 'first' } }]);
  const between = now();
  await writeNotes(project, [{ values: { id: 1, text: 'second' } }, { values: { id: 2, text: 'more' } }]);
  const texts = 'select text from notes order by id';
  assert.deepEqual(await answer(project, '--as-of', between, texts), [{ text: 'first' }]);
  assert.deepEqual(await project.rows(texts), [{ text: 'second' }, { text: 'more' }]);
});

test('what is collected is gone for its table, and other tables still answer', async (t) => {
  const { project, first } = await shop(t);
  await writeNotes(project, [{ values: { id: 1, text: 'kept' } }]);
  await json(project, 'compact', 'orders');
  assert.match((await project.hakiri('gc')).stderr, /nothing to collect/);
  age(project);
  const [collected] = (await json(project, 'gc', 'orders')).tables;
  assert.deepEqual([collected.table, collected.runs], ['orders', 2]);
  assert.deepEqual(await project.rows('select id, state from orders'), [{ id: 1, state: 'shut' }]);
  const gone = await project.failing('query', '--as-of', first, 'from orders');
  assert.equal(gone.error.code, 'query.as_of_gone');
  assert.deepEqual(await answer(project, '--as-of', now(), 'from notes'), [{ id: 1, text: 'kept' }]);
  assert.deepEqual(await answer(project, '--as-of', first, 'select 1 as one'), [{ one: 1 }]);
  const described = await json(project, 'describe', 'orders');
  assert.deepEqual(
    [described.retention_ms, described.past, described.snapshot.partitioned_by],
    [3 * 86_400_000, { runs: 0, snapshots: 1 }, 'state'],
  );
});

/** As if the snapshot of `orders` had been made a year ago: its name says when, so the catalog's is changed. */
function age({ context }: CliProject): void {
  const db = new DatabaseSync(join(context, 'meta.sqlite'));
  const [{ snapshot }] = db.prepare('SELECT snapshot FROM snapshots').all() as [{ snapshot: string }];
  const old = snapshot.replace(/^\d{4}/, (year) => String(Number(year) - 1));
  db.exec('PRAGMA foreign_keys = OFF');
  db.prepare('UPDATE runs SET covered_by = ?').run(old);
  db.close();
}

test('compaction and collection say what they did, or that there was nothing to do', async (t) => {
  const { project } = await shop(t);
  const merged = await project.hakiri('compact');
  assert.match(
    merged.stdout,
    /^table +runs merged .+\n-.+\norders +2 +2 +2 +2 +2 -> 2 +[\d.]+ KB -> [\d.]+ KB\n$/,
  );
  assert.match(merged.stderr, /^compacting orders\n$/);
  assert.match((await project.hakiri('compact')).stderr, /nothing to merge: orders\n$/);
  assert.deepEqual(await json(project, 'compact'), { tables: [], unchanged: ['orders'] });
  const unknown = await project.failing('compact', 'order');
  assert.deepEqual([unknown.code, unknown.error.code], [2, 'query.unknown_table']);
  assert.match((await project.hakiri('gc')).stderr, /nothing to collect/);
});

test('two at once: the second is told who compacts, with exit code 4', async (t) => {
  const { project } = await shop(t);
  const db = new DatabaseSync(join(project.folder, '.hakiri/cache/demo.compact.lock'));
  db.exec('BEGIN EXCLUSIVE');
  try {
    for (const command of ['compact', 'gc']) {
      const { code, error } = await project.failing(command, '--wait', '1ms');
      assert.deepEqual([code, error.code], [4, 'store.compacting']);
    }
    assert.equal((await project.run()).tables[0]?.state, 'done', 'a run does without');
  } finally {
    db.close();
  }
});

test('a run merges by itself once enough runs lie beside the snapshot', async (t) => {
  const project = cliProject(
    t,
    ORDERS.replace('"orders.ndjson"', '"orders-*.ndjson"').replace(
      'source = "orders"',
      'source = "records"\n  commit_every = "1 rows"',
    ),
  );
  for (let i = 10; i < 26; i++) {
    project.write(`orders-${i}.ndjson`, [{ id: i, state: 'open', at: `2026-01-${i}` }]);
  }
  const { tables, stderr } = await project.run();
  assert.ok((tables[0]?.commits.length ?? 0) >= 16);
  assert.doesNotMatch(stderr, /compaction failed/);
  const [{ snapshot, runs_beside, parts }] = (await json(project, 'tables')).tables;
  assert.deepEqual([snapshot.rows, runs_beside, parts], [16, 0, 1]);
});
