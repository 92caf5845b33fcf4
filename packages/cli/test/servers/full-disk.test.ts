import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { seededRandom } from '../../../../test/support/random.ts';
import { cliProject } from '../support/cli-project.ts';
import { emptyFolder } from '../support/harness.ts';
import { skipLoudly } from '../support/skip-loudly.ts';

const FILES = 30;
const FILE_ROWS = 100;

const mount = (...args: readonly string[]): string => {
  const { status, stderr } = spawnSync('mount', args, { encoding: 'utf8' });
  return status === 0 ? '' : stderr || 'mount cannot be run';
};

/** Mounts a disk of that size over a folder; a reason when that is not permitted. */
function smallDisk(folder: string, size: string): string {
  mkdirSync(folder, { recursive: true });
  return mount('-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder);
}

/** Text that does not compress: a file of rows is about 300 KB, and so is its part. */
function rowsOf(file: number): object[] {
  const random = seededRandom(file).next;
  const letters = (): string =>
    Array.from({ length: 3000 }, () => String.fromCharCode(33 + Math.floor(random() * 90))).join('');
  return Array.from({ length: FILE_ROWS }, (_, i) => ({ id: file * FILE_ROWS + i, text: letters() }));
}

test('an export that fills the disk says so and leaves nothing of itself', async (t) => {
  const mounted: string[] = [];
  t.after(() => mounted.map((folder) => spawnSync('umount', ['-l', folder])));
  const project = cliProject(
    t,
    `[[pipeline]]
id = "files"
source = { connector = "file", config = { path = "in.ndjson" } }
tables = [{ source = "records", name = "things", primary_key = ["id"] }]
`,
  );
  project.write('in.ndjson', [{ id: 1 }]);
  await project.run();
  const disk = join(project.folder, 'out');
  const refused = smallDisk(disk, '2m');
  if (refused !== '') return skipLoudly(t, `a disk cannot be mounted: ${refused.trim()}`);
  mounted.push(disk);
  const many = 'select md5(i::varchar) || md5((i + 1)::varchar) as text from range(1000000) r(i)';
  for (const format of ['parquet', 'csv', 'ndjson']) {
    const { code, error } = await project.failing('export', '--query', many, '--output', `out/x.${format}`);
    assert.deepEqual([code, error.code], [1, 'store.disk_full'], format);
    assert.deepEqual(readdirSync(disk), [], format);
  }
  const { code } = await project.hakiri('export', '--output', 'out/store.tar');
  assert.equal(code, 0);
});

for (const [size, what] of [
  ['3m', 'after many commits'],
  ['1m', 'after a few'],
  ['100k', 'before the first'],
] as const) {
  test(`a disk that fills up ${what}: told, nothing committed is lost, and with more room the run completes`, async (t) => {
    const mounted: string[] = [];
    // Hooks run in the order in which they are given: before the folder around it is removed.
    t.after(() => mounted.map((folder) => spawnSync('umount', ['-l', folder])));
    const elsewhere = emptyFolder(t, 'in');
    for (let file = 0; file < FILES; file++) {
      const lines = rowsOf(file).map((row) => `${JSON.stringify(row)}\n`);
      writeFileSync(join(elsewhere, `${String(file).padStart(2, '0')}.ndjson`), lines.join(''));
    }
    const project = cliProject(
      t,
      `[[pipeline]]
id = "files"
source = { connector = "file", config = { path = "${elsewhere}/*.ndjson" } }
tables = [{ source = "records", name = "things", primary_key = ["id"], commit_every = "100 rows" }]
`,
    );
    const disk = join(project.folder, '.hakiri');
    const refused = smallDisk(disk, size);
    if (refused !== '') return skipLoudly(t, `a disk cannot be mounted: ${refused.trim()}`);

    mounted.push(disk);
    const failed = await project.failing('run');
    assert.equal(failed.error.code, 'store.disk_full', failed.error.message);
    assert.equal(failed.code, 1);
    assert.ok(failed.error.hint.length > 10);
    // Where not even the store could be made there is no report.
    const commits = failed.stdout === '' ? [] : JSON.parse(failed.stdout).tables[0].commits;
    t.diagnostic(`${commits.length} commits before the disk was full`);

    // Still full: the next run fails as well, and harms nothing.
    const again = await project.failing('run');
    assert.equal(again.error.code, 'store.disk_full', again.error.message);

    if (commits.length > 0) {
      const [held] = await project.rows('select count(*) as n from things');
      assert.ok(Number(held?.n) >= commits.length * FILE_ROWS, 'what is there can be read on the full disk');
    }
    assert.equal(mount('-o', 'remount,size=64m', disk), '');
    if (commits.length > 0) {
      const [held] = await project.rows(
        'select count(*) as n, count(distinct id) as keys, max(id) as last from things',
      );
      assert.equal(Number(held?.n) % FILE_ROWS, 0, 'whole files');
      assert.ok(Number(held?.n) >= commits.length * FILE_ROWS);
      assert.deepEqual([held?.keys, held?.last], [held?.n, Number(held?.n) - 1]);
    }
    await project.run();
    const n = FILES * FILE_ROWS;
    assert.deepEqual(
      await project.rows(
        'select count(*) as n, count(distinct id) as keys, min(length(text)) as text from things',
      ),
      [{ n, keys: n, text: 3000 }],
    );
    assert.deepEqual(await project.complaints(), []);
  });
}
