import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { cliProject } from '../support/cli-project.ts';
import { commandFolder, hasTools } from '../support/debian-tools.ts';

const MANIFEST = `[[pipeline]]
id = "files"
source = { connector = "file", config = { path = "in/*.ndjson" } }
tables = [{ source = "records", name = "things", primary_key = ["id"] }]
`;

test('the sqlite3 command reads runs, cursors and row counts from the catalog', async (t) => {
  if (!hasTools(t, 'sqlite3')) return;
  const project = cliProject(t, MANIFEST);
  project.write('in/1.ndjson', [{ id: 1 }, { id: 2 }]);
  await project.run();
  project.write('in/2.ndjson', [{ id: 3 }]);
  await project.run();
  const sqlite = (sql: string): string =>
    spawnSync('sqlite3', ['-readonly', join(project.context, 'meta.sqlite'), sql], {
      encoding: 'utf8',
    }).stdout.trim();
  assert.equal(sqlite('select group_concat(rows) from (select rows from runs order by run)'), '2,1');
  assert.equal(sqlite("select json_array_length(manifest, '$.parts') from runs limit 1"), '1');
  assert.equal(sqlite("select count(*) from cursors where cursor like '%in/2.ndjson%'"), '1');
  assert.equal(sqlite('select sum(rows) from parts'), '3');
  assert.equal(sqlite('pragma integrity_check'), 'ok');
});

test('fish completes commands, flags, pipelines and tables', async (t) => {
  if (!hasTools(t, 'fish')) return;
  const project = cliProject(t, MANIFEST);
  project.write('in/1.ndjson', [{ id: 1 }]);
  await project.run();
  const PATH = `${commandFolder(t)}:${process.env.PATH}`;
  const completed = (line: string): string => {
    const script = `hakiri completions fish | source; complete -C ${JSON.stringify(line)}`;
    const { stdout, stderr } = spawnSync('fish', ['--no-config', '-c', script], {
      cwd: project.folder,
      encoding: 'utf8',
      env: { PATH, HOME: project.folder },
    });
    assert.equal(stderr, '');
    return stdout;
  };
  assert.match(completed('hakiri qu'), /^query\tQuery the store/m);
  assert.match(completed('hakiri run '), /^files\b/m);
  assert.match(completed('hakiri describe '), /^things\b/m);
  assert.match(completed('hakiri query --for'), /^--format\b/m);
});
