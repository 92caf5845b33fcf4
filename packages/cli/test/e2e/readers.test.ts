import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import type { RunManifest } from '@hakiri/core';
import {
  type AnyRow,
  readParts,
  readThroughView,
  rowHashes,
  winners,
} from '../../../store/test/support/foreign-readers.ts';
import { type CliProject, cliProject, filesBelow } from '../support/cli-project.ts';

const PROVENANCE = ['_hakiri_run', '_hakiri_seq', '_hakiri_deleted', '_hakiri_order'];

/** Every committed run, oldest first, as its manifest on the disk tells it. */
function manifests({ context }: CliProject): RunManifest[] {
  return filesBelow(context)
    .filter((path) => path.endsWith('_manifest.json'))
    .map((path) => JSON.parse(readFileSync(path, 'utf8')) as RunManifest)
    .sort((a, b) => (a.run < b.run ? -1 : 1));
}

interface Expected {
  readonly table: string;
  readonly key: readonly string[];
  readonly rows: number;
  readonly jsonColumns?: readonly string[];
}

/** The same rows through the view, through the parts, and through `hakiri query`; and the catalog agrees. */
async function assertReadersAgree(project: CliProject, { table, key, rows, jsonColumns }: Expected) {
  const runs = manifests(project).filter((run) => run.table === table);
  const viewed = await readThroughView(project.context, table);
  const stored = await readParts(
    project.context,
    runs.flatMap(({ parts }) => parts.map(({ path }) => path)),
  );
  const won = winners(stored, key);
  assert.equal(viewed.length, rows);
  assert.deepEqual(rowHashes(won), rowHashes(viewed, jsonColumns));
  for (const name of PROVENANCE)
    assert.ok(viewed.every((row) => row[name] !== null && row[name] !== undefined));
  const [counted] = await project.rows(`select count(*) as n from ${table}`);
  assert.equal(counted?.n, rows);
  assertCatalogAgrees(project, table, runs, stored);
}

function assertCatalogAgrees(
  { context }: CliProject,
  table: string,
  runs: readonly RunManifest[],
  stored: readonly AnyRow[],
): void {
  const db = new DatabaseSync(join(context, 'meta.sqlite'), { readOnly: true });
  const all = (sql: string, ...values: string[]) =>
    db
      .prepare(sql)
      .all(...values)
      .map((row) => ({ ...row }));
  assert.deepEqual(
    all('SELECT run, rows, set_aside, manifest FROM runs WHERE table_name = ? ORDER BY run', table).map(
      ({ manifest, ...row }) => ({ ...row, manifest: JSON.parse(String(manifest)) }),
    ),
    runs.map((run) => ({
      run: run.run,
      rows: run.parts.reduce((sum, part) => sum + part.rows, 0),
      set_aside: run.quarantine?.rows ?? 0,
      manifest: run,
    })),
  );
  assert.deepEqual(
    all(
      'SELECT path, rows, bytes, sha256, schema, key_range, least_order FROM parts WHERE table_name = ? ORDER BY path',
      table,
    ).map(({ key_range, ...part }) => ({ ...part, key_range: JSON.parse(String(key_range)) })),
    runs.flatMap(({ parts }) => parts).sort((a, b) => (a.path < b.path ? -1 : 1)),
  );
  const last = new Map(runs.map((run) => [`${run.pipeline}/${run.source_table}`, run.cursor.after]));
  const cursors = all('SELECT pipeline, source_table, cursor FROM cursors');
  for (const [place, cursor] of last) {
    const held = cursors.find((row) => `${row.pipeline}/${row.source_table}` === place);
    assert.equal(held?.cursor, cursor);
  }
  const [sum] = all('SELECT sum(rows) AS rows FROM runs WHERE table_name = ?', table);
  assert.equal(sum?.rows, stored.length);
  const byRun = Map.groupBy(stored, (row) => row._hakiri_run);
  for (const run of runs) {
    const rows = run.parts.reduce((total, part) => total + part.rows, 0);
    assert.equal(byRun.get(run.run)?.length ?? 0, rows);
  }
  db.close();
}

test('the sample reads the same through the view, a plain Parquet reader and the catalog', async (t) => {
  const project = cliProject(
    t,
    `[[pipeline]]
id = "github-issues"
source = { connector = "github", config = { sample = true } }
tables = ["issues"]
`,
  );
  await project.run();
  await assertReadersAgree(project, { table: 'github_issues', key: ['id'], rows: 1200 });
});

test('updates, deletes and several schemas read the same to readers that are not ours', async (t) => {
  const project = cliProject(
    t,
    `[[pipeline]]
id = "p"
source = { connector = "file", config = { path = "in/*.ndjson" } }
tables = [{ source = "records", name = "things", primary_key = ["region", "id"], incremental = "version", on_conflict = "json", commit_every = "2 rows", columns = { state = { type = "string" } } }]

[[transforms]]
table = "things"
filter = "state is distinct from 'gone'"
`,
  );
  const write = (name: string, rows: readonly object[]): void =>
    writeFileSync(join(project.folder, 'in', name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  mkdirSync(join(project.folder, 'in'));
  const row = (id: number, version: number, more: object = {}) => ({ region: 'eu', id, version, ...more });
  write('1.ndjson', [
    row(1, 1, { name: 'one', loose: 7, owner: { login: 'a' }, empty: null }),
    row(2, 1, { name: 'two', loose: 8, tags: ['x', null, 'ü'] }),
    { ...row(1, 1, { name: 'same id, other region' }), region: 'us' },
  ]);
  await project.run();
  write('2.ndjson', [
    row(1, 3, { name: 'one again', owner: { login: 'a', id: 2 ** 53 - 1 }, empty: 'decided' }),
    row(2, 2, { state: 'gone' }),
    row(3, 1, { loose: 'now text', when: '2026-01-01', score: 1.5 }),
  ]);
  await project.run();
  // Older than what is there, and a key that came back.
  write('3.ndjson', [row(1, 2, { name: 'stale' }), row(2, 4, { name: 'two is back', loose: { a: [1] } })]);
  await project.run();
  await assertReadersAgree(project, {
    table: 'things',
    key: ['region', 'id'],
    rows: 4,
    jsonColumns: ['loose'],
  });
  assert.deepEqual(await project.rows('select region, id, name, version from things order by all'), [
    { region: 'eu', id: 1, name: 'one again', version: 3 },
    { region: 'eu', id: 2, name: 'two is back', version: 4 },
    { region: 'eu', id: 3, name: null, version: 1 },
    { region: 'us', id: 1, name: 'same id, other region', version: 1 },
  ]);
});
