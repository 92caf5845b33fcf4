import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { cliProject, fileBelow, filesBelow } from '../support/cli-project.ts';

const files = (table: string, rest: string): string => `[[pipeline]]
id = "files"
source = { connector = "file", config = { path = "in/*.ndjson" } }
tables = [{ source = "records", name = "things", ${table} }]

[[transforms]]
table = "things"
${rest}
`;

test('a row that no longer passes the filter goes, stays away, and comes back when it passes again', async (t) => {
  const project = cliProject(
    t,
    files('primary_key = ["id"], incremental = "version"', `filter = "state <> 'spam'"`),
  );
  const held = async () =>
    (await project.rows('select id, version from things order by id')).map(({ id, version }) => [
      id,
      version,
    ]);
  project.write('in/1.ndjson', [
    { id: 1, version: 1, state: 'open', body: 'kept' },
    { id: 2, version: 1, state: 'spam', body: 'never seen' },
    { id: 3, version: 1, state: 'open' },
  ]);
  await project.run();
  assert.deepEqual(await held(), [
    [1, 1],
    [3, 1],
  ]);

  project.write('in/2.ndjson', [{ id: 1, version: 3, state: 'spam', body: 'gone' }]);
  await project.run();
  assert.deepEqual(await held(), [[3, 1]]);

  project.write('in/3.ndjson', [{ id: 1, version: 2, state: 'open', body: 'older than its deletion' }]);
  await project.run();
  assert.deepEqual(await held(), [[3, 1]], 'an older row does not bring it back');

  project.write('in/4.ndjson', [{ id: 1, version: 4, state: 'open', body: 'back' }]);
  await project.run();
  assert.deepEqual(await held(), [
    [1, 4],
    [3, 1],
  ]);
});

test('without a key a row that does not pass is not there at all', async (t) => {
  const project = cliProject(t, files('mode = "append"', 'filter = "n % 2 = 0"'));
  project.write(
    'in/1.ndjson',
    [1, 2, 3, 4].map((n) => ({ n })),
  );
  const { tables } = await project.run();
  assert.equal(tables[0]?.rows, 2);
  assert.deepEqual(await project.rows('select n from things order by n'), [{ n: 2 }, { n: 4 }]);
});

test('every verb, in the order in which it is written', async (t) => {
  const project = cliProject(
    t,
    files(
      'primary_key = ["id", "tag"]',
      `explode = "tags"
rename = { tags = "tag" }
unnest = "owner"
cast = { price = "decimal(10,2)", seen = "timestamp" }
with_columns = { price = "price * 2", label = "login || '/' || tag", length = "length(body)" }
drop = ["body", "noise"]

[[transforms]]
table = "things"
select = ["id", "tag", "label", "price", "length", "seen"]`,
    ),
  );
  project.write('in/1.ndjson', [
    {
      id: 1,
      tags: ['a', 'b'],
      owner: { login: 'ann', team: 'x' },
      price: '1.25',
      seen: '2026-01-02T03:04:05Z',
      body: 'Grüße',
      noise: 1,
    },
    { id: 2, tags: [''], owner: { login: 'bob', team: 'y' }, price: '3', seen: null, body: null, noise: 2 },
  ]);
  await project.run();
  const row = (
    id: number,
    tag: string,
    label: string,
    price: string,
    length: number | null,
    seen: string | null,
  ) => ({
    id,
    tag,
    label,
    price,
    length,
    seen,
  });
  const seen = '2026-01-02T03:04:05Z';
  assert.deepEqual(await project.rows('select * from things order by id, tag'), [
    row(1, 'a', 'ann/a', '2.50', 5, seen),
    row(1, 'b', 'ann/b', '2.50', 5, seen),
    row(2, '', 'bob/', '6.00', null, null),
  ]);
});

test('a row on which a transform fails is set aside, the others are taken', async (t) => {
  const project = cliProject(t, files('primary_key = ["id"]', 'cast = { amount = "int32" }'));
  project.write('in/1.ndjson', [
    { id: 1, amount: '7' },
    { id: 2, amount: 'seven' },
    { id: 3, amount: '9' },
  ]);
  const { tables } = await project.run();
  assert.deepEqual([tables[0]?.rows, tables[0]?.set_aside], [2, 1]);
  assert.deepEqual(await project.rows('select * from things order by id'), [
    { id: 1, amount: 7 },
    { id: 3, amount: 9 },
  ]);
  const line = JSON.parse(readFileSync(fileBelow(project.context, '.ndjson'), 'utf8'));
  assert.equal(line.code, 'record.type_conflict');
  assert.equal(line.record, '{"id":2,"amount":"seven"}');
});

for (const [what, code, transform] of [
  ['asks for the time', 'transform.clock', 'with_columns = { at = "now()" }'],
  ['asks for chance', 'transform.clock', 'with_columns = { at = "random()" }'],
  ['reads a file', 'transform.function', `with_columns = { x = "read_text('/etc/hostname')" }`],
  ['reads the environment', 'transform.function', `with_columns = { x = "getenv('HOME')" }`],
  ['holds a query', 'transform.function', 'filter = "id in (select 1)"'],
  ['counts over all rows', 'transform.function', 'with_columns = { n = "count(*) over ()" }'],
  ['is not SQL', 'transform.invalid', 'filter = "state <> "'],
  ['names a column that does not exist', 'transform.invalid', 'filter = "sate = 1"'],
] as const) {
  test(`a transform that ${what} is refused: ${code}`, async (t) => {
    const project = cliProject(t, files('primary_key = ["id"]', transform));
    project.write('in/1.ndjson', [{ id: 1, state: 'open' }]);
    const failed = await project.failing('run');
    assert.equal(failed.error.code, code, failed.error.message);
    assert.equal(failed.code, 2);
    assert.deepEqual(
      filesBelow(project.context).filter((path) => path.includes('/data/')),
      [],
    );
  });
}
