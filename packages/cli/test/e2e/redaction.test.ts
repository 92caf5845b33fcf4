import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import { type TestServer, testServer } from '../../../ingest/test/support/test-server.ts';
import { type CliProject, cliProject, type Ended } from '../support/cli-project.ts';
import { findText, textsIn } from '../support/find-text.ts';
import { emptyFolder } from '../support/harness.ts';

const CARD = '4539148803436467';
const NAMES = ['pageqz', 'lateqz', 'lineqz', 'tableqz', 'parquetqz', 'wrongqz', 'brokenqz'] as const;
const NEEDLES = [...NAMES, CARD, '4539 1488 0343 6467'];
const mail = (name: string): string => `${name}.planted@mail.example`;

/** Everything that can be wrong with a record beside its sensitive columns, and much that is only unusual. */
const PAGE = [
  ...Array.from({ length: 30 }, (_, i) => JSON.stringify({ id: i, n: i, email: mail('pageqz'), card: CARD })),
  `{"id":100,"n":1,"contact":{"email":"${mail('pageqz')}","kind":"home"},"all":[{"email":"${mail('pageqz')}"}]}`,
  `{"id":101,"n":2,"\\u0065mail":"pageqz\\u002eplanted@mail.example"}`,
  `{"id":102,"n":"not a number","email":"${mail('wrongqz')}","card":"4539 1488 0343 6467"}`,
  `{"id":103,"n":3,"email":"${mail('wrongqz')}","email":"${mail('wrongqz')}"}`,
  `{"id":null,"n":4,"email":"${mail('wrongqz')}"}`,
  `{"id":104,"n":5,"EMAIL":"${mail('wrongqz')}","email":"x"}`,
  `{"id":105,"n":6,"email":{"is":"${mail('wrongqz')}"}}`,
  `{"id":106,"n":7,"backup":"${mail('pageqz')}"}`,
  `{"id":107,"n":8,"${mail('pageqz')}":true}`,
  `{"id":108,"n":9,"email":"${mail('wrongqz')}","_hakiri_x":1}`,
  `{"id":109,"n":10,"email":"${mail('wrongqz')} ${'x'.repeat(3000)}"}`,
  `{"id":110,"n":2.5,"email":12345,"card":${CARD}}`,
];
const PAGES = [
  `[${PAGE.join(',')},"${mail('wrongqz')}"]`,
  JSON.stringify([{ id: 200, n: 1, email: mail('lateqz') }]),
  '[]',
];
const LINES = [
  JSON.stringify({ id: 1, email: mail('lineqz'), card: CARD }),
  `{"id":2,"email":"${mail('brokenqz')}"`,
  `{"id":3,"email":"${mail('brokenqz')},"card":"${CARD}"}`,
  `"${mail('brokenqz')}"`,
  `{"id":4,"email":"${mail('brokenqz')}"} ${mail('brokenqz')}`,
].join('\n');
const CSV = `id,email,card,other\n1,${mail('tableqz')},${CARD},"${mail('tableqz')}"\n`;
const BAD_CSV = `id,email,n\n1,${mail('tableqz')},${mail('wrongqz')}\n`;

interface Sources {
  readonly inbox: string;
  readonly server: TestServer;
}

/** They lie apart from the project: what is searched is what Hakiri made of them. */
async function sources(t: TestContext): Promise<Sources> {
  const inbox = emptyFolder(t, 'inbox');
  mkdirSync(inbox, { recursive: true });
  writeFileSync(join(inbox, 'lines.ndjson'), LINES);
  writeFileSync(join(inbox, 'good.csv'), CSV);
  writeFileSync(join(inbox, 'bad.csv'), BAD_CSV);
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const email = `'${mail('parquetqz')}'`;
  await connection.run(
    `COPY (SELECT 1::BIGINT AS id, ${email} AS email, ${CARD} AS card, {'email': ${email}, 'kind': 'home'} AS contact, [{'email': ${email}}] AS "all", ${email} AS other) TO '${join(inbox, 'p.parquet')}' (FORMAT parquet)`,
  );
  connection.closeSync();
  instance.closeSync();
  const server = await testServer((request, response) => {
    const page = Number(new URL(request.url, server.origin).searchParams.get('page') ?? 1);
    const link = `<${server.origin}/people?page=${page + 1}>; rel="next"`;
    response.writeHead(200, { 'content-type': 'application/json', ...(page < PAGES.length ? { link } : {}) });
    // The last page hangs for as long as the first run, which is killed in it.
    if (server.seen.length !== PAGES.length) response.end(PAGES[page - 1]);
  });
  t.after(() => server[Symbol.asyncDispose]());
  return { inbox, server };
}

function manifestOf({ inbox, server }: Sources, isRedacted: boolean): string {
  const unknown = isRedacted ? '' : '  unknown_columns = "add"';
  const column = (name: string, piiType: string, action: string): string =>
    `  columns.${name} = { pii_type = "${piiType}"${isRedacted ? `, on_write = "${action}"` : ''} }`;
  const columns = [
    unknown,
    column('email', 'email', 'hash'),
    column('card', 'credit_card', 'tokenize'),
    column('"contact.email"', 'email', 'mask'),
    column('"all.email"', 'email', 'deny'),
    column('other', 'email', 'redact'),
  ].join('\n');
  const pipeline = (id: string, source: string, more = ''): string => `[[pipeline]]
id = "${id}"
allow_hosts = ["${new URL(server.origin).host}"]
source = ${source}
  [[pipeline.tables]]
  source = "${id}"
  name = "${id}"
  primary_key = ["id"]
${columns}
${more}
`;
  const file = (name: string): string => `{ connector = "file", config = { path = "${join(inbox, name)}" } }`;
  const people = `  max_record = "2 KB"
  columns.n = { type = "int32" }
  indexes.words = { kind = "fts", column = "email" }
  indexes.near = { kind = "vector", column = "email" }`;
  return [
    pipeline(
      'people',
      `{ connector = "http", config = { base_url = "${server.origin}", resources = [{ name = "people", path = "/people" }] } }`,
      people,
    ),
    pipeline('lines', file('lines.ndjson')),
    pipeline('good', file('good.csv')),
    pipeline('packed', file('p.parquet')),
    pipeline('bad', file('bad.csv'), '  columns.n = { type = "int32" }'),
    `[[pipeline.transforms]]\ntable = "people"\nwith_columns = { domain = "split_part(email, '@', 2)", double_n = "n * 2" }\n`,
  ].join('\n');
}

/** A life of a store: planned, pulled and killed, pulled again, read, merged, looked after. */
async function lived(
  t: TestContext,
  isRedacted: boolean,
): Promise<{ project: CliProject; outputs: readonly Ended[] }> {
  const given = await sources(t);
  const project = cliProject(t, manifestOf(given, isRedacted), {
    profile: 'full',
    env: { HAKIRI_DEBUG: '1' },
  });
  const outputs: Ended[] = [];
  if (isRedacted) outputs.push(await project.hakiri('plan', '--json'));
  given.server.seen.length = 0;
  const killed = project.start('run', 'people');
  while (given.server.seen.length < PAGES.length && killed.child.exitCode === null) await sleep(20);
  // The page before is on its way into the spool.
  await sleep(200);
  killed.child.kill('SIGKILL');
  outputs.push(await killed.ended);
  const midway = await findText(project.folder, NEEDLES);
  if (isRedacted) assert.deepEqual(midway, []);
  else assert.ok(midway.some(({ path }) => path.includes('spool')));
  const search = ['query', '--search', 'planted', '--in', 'people', '--select', 'id', '--top', '3'];
  const more = isRedacted ? [['compact'], ['doctor']] : [];
  for (const argv of [['run', '--json'], ...more, search]) {
    outputs.push(await project.hakiri(...argv));
  }
  return { project, outputs };
}

function told(outputs: readonly Ended[]): readonly string[] {
  return textsIn(
    outputs.map(({ stdout, stderr }) => Buffer.from(stdout + stderr)),
    NEEDLES,
  );
}

test('a planted address and a card number reach no file and no output, whatever is wrong with their records', async (t) => {
  const { project, outputs } = await lived(t, true);
  assert.deepEqual(await findText(project.folder, NEEDLES), []);
  assert.deepEqual(told(outputs), []);
  const [seen] = await project.rows(`SELECT p.email, p.card, p.contact, p.other, l.card AS line_card,
    (SELECT [count(*), count(email), count(DISTINCT email)] FROM people) AS people FROM packed p, lines l`);
  assert.deepEqual(seen?.people, [36, 32, 2]);
  assert.match(String(seen?.email), /^h_[0-9a-f]{32}$/);
  assert.equal(seen?.card, seen?.line_card);
  assert.match(String(seen?.card), /^t_[A-Za-z0-9_-]+$/);
  assert.deepEqual(seen?.contact, { email: 'p***@***.example' });
  assert.equal(seen?.other, null);
});

test('the same search finds them where nothing is done on writing', async (t) => {
  const { project } = await lived(t, false);
  const found = await findText(project.folder, NEEDLES);
  const places = (needle: string): string =>
    found
      .filter((each) => each.needle === needle)
      .map(({ path }) => path)
      .join('\n');
  for (const needle of ['pageqz', 'lateqz', 'lineqz', 'tableqz', 'parquetqz', CARD]) {
    assert.match(places(needle), /\.parquet$/m, needle);
  }
  assert.match(places('wrongqz'), /quarantine/);
  assert.match(places('brokenqz'), /quarantine/);
  assert.match(places('pageqz'), /_indexes/);
  assert.match(places('pageqz'), /cache/);
});
