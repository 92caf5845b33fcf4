import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { ERROR_CATALOGUE, type ErrorCode } from '@hakiri/core';
import {
  type SeenRequest,
  sendJson,
  type TestServer,
  testServer,
} from '../../../ingest/test/support/test-server.ts';
import { type CliProject, cliProject, type Ended, fileBelow, filesBelow } from '../support/cli-project.ts';

/** What a server that echoes credentials would give away. */
const CANARY = 'canary-4f9d"secret/+=';
const FORMS = [
  CANARY,
  encodeURIComponent(CANARY),
  Buffer.from(CANARY).toString('base64'),
  JSON.stringify(CANARY).slice(1, -1),
];

function assertNoSecret(project: CliProject, ...outputs: readonly Pick<Ended, 'stdout' | 'stderr'>[]): void {
  for (const form of FORMS) {
    for (const { stdout, stderr } of outputs) assert.ok(!`${stdout}${stderr}`.includes(form));
    for (const path of filesBelow(project.folder)) assert.ok(!readFileSync(path).includes(form), path);
  }
}

function assertTeaches(
  code: string,
  error: { readonly code: string; readonly hint: string },
  exit: number | null,
) {
  assert.equal(error.code, code);
  assert.ok(error.hint.length > 10);
  assert.equal(exit, ERROR_CATALOGUE[code as ErrorCode].exit);
}

interface Row {
  readonly id: number;
  readonly version: number;
}

const PAGES: readonly (readonly Row[])[] = [
  [
    { id: 1, version: 1 },
    { id: 2, version: 2 },
  ],
  [
    { id: 3, version: 3 },
    { id: 1, version: 4 },
  ],
  [{ id: 4, version: 5 }],
];
const ALL = [
  { id: 1, version: 4 },
  { id: 2, version: 2 },
  { id: 3, version: 3 },
  { id: 4, version: 5 },
];

type Misbehave = (response: ServerResponse, request: SeenRequest) => void;

/** Three pages by Link header; `misbehave`, while it is set, answers for the second. */
async function threePages(misbehave: Misbehave): Promise<TestServer & { heal(): void }> {
  let ill = true;
  const server = await testServer((request, response) => {
    const url = new URL(request.url, `http://${request.headers.host}`);
    const since = Number(url.searchParams.get('since') ?? 0);
    const page = Number(url.searchParams.get('page') ?? 1);
    if (page === 2 && ill) return misbehave(response, request);
    url.searchParams.set('page', String(page + 1));
    const link: Record<string, string> = page < PAGES.length ? { link: `<${url.href}>; rel="next"` } : {};
    sendJson(response, PAGES[page - 1]?.filter(({ version }) => version >= since) ?? [], link);
  });
  const heal = (): void => {
    ill = false;
  };
  return Object.assign(server, { heal });
}

const pagedManifest = (server: TestServer, resource = ''): string => `[[pipeline]]
id = "paged"
secrets = ["API_TOKEN"]
allow_hosts = ["${new URL(server.origin).host}"]
[pipeline.source]
connector = "http"
[pipeline.source.config]
base_url = "${server.origin}"
auth = { type = "bearer", token = "API_TOKEN" }
rate_limit = { max_wait_seconds = 0 }
[[pipeline.source.config.resources]]
name = "things"
path = "/things"
primary_key = "id"
incremental = { column = "version", param = "since", format = "raw", order = "ascending" }
${resource}
`;

const html = '<!doctype html><title>Sign in</title>';
/** An answer that repeats what it was sent, as debug pages do. */
const echo = (request: SeenRequest): string =>
  JSON.stringify({ message: `no: ${request.headers.authorization}` });

const PAGE_FAULTS: readonly { name: string; code: ErrorCode; misbehave: Misbehave; message?: RegExp }[] = [
  {
    name: 'malformed JSON',
    code: 'source.malformed_json',
    misbehave: (response) => response.end('[{"id":3,"version":3},{"id":]'),
    message: /at byte \d+/,
  },
  {
    name: 'a body that ends too early',
    code: 'source.truncated',
    misbehave: (response) => response.end('[{"id":3,"version":3},{"id":1,'),
  },
  {
    name: 'a connection that breaks inside the body',
    code: 'source.truncated',
    misbehave: (response) => {
      response.writeHead(200, { 'content-length': 1000 }).write('[{"id":3,"version":3},');
      setTimeout(() => response.destroy(), 20);
    },
  },
  {
    name: 'HTML with status 200',
    code: 'source.not_json',
    misbehave: (response) => response.writeHead(200, { 'content-type': 'text/html' }).end(html),
  },
  {
    name: 'a 500 in the middle of paging',
    code: 'source.http_status',
    misbehave: (response, request) => response.writeHead(500).end(echo(request)),
  },
  {
    name: 'a next-link that leads back',
    code: 'source.endless_paging',
    misbehave: (response, request) => {
      const own = new URL(request.url, `http://${request.headers.host}`).href;
      sendJson(response, PAGES[1], { link: `<${own}>; rel="next"` });
    },
  },
  {
    name: 'a wrong credential',
    code: 'source.auth',
    misbehave: (response, request) => response.writeHead(401).end(echo(request)),
  },
  {
    name: 'a body without the records',
    code: 'source.records_path',
    misbehave: (response) => response.end('"nothing here"'),
  },
];

describe('a source that misbehaves on its second page', { concurrency: 2 }, () => {
  for (const { name, code, misbehave, message } of PAGE_FAULTS) {
    test(`${name}: ${code}, the first page is kept, and the next run goes on`, async (t) => {
      await using server = await threePages(misbehave);
      const project = cliProject(t, pagedManifest(server), { env: { API_TOKEN: CANARY } });
      const failed = await project.failing('run');
      assertTeaches(code, failed.error, failed.code);
      assert.match(failed.error.message, message ?? /things/);
      const [table] = JSON.parse(failed.stdout).tables;
      assert.equal(table.state, 'partial_failure');
      assert.ok(table.rows >= 2, 'the first page is committed');
      server.heal();
      await project.run();
      assert.deepEqual(await project.rows('select * from http_things order by id'), ALL);
      assert.equal(server.seen[0]?.headers.authorization, `Bearer ${CANARY}`);
      assertNoSecret(project, failed);
    });
  }
});

test('errors for people hold no secret and no stack either', async (t) => {
  await using server = await testServer((request, response) => response.writeHead(401).end(echo(request)));
  const project = cliProject(t, pagedManifest(server), { env: { API_TOKEN: CANARY } });
  const ended = await project.hakiri('run');
  assert.equal(ended.code, 5);
  assert.match(ended.stderr, /error\[source\.auth\].*\nhint: .+/);
  assert.doesNotMatch(ended.stderr, /\n\s+at /);
  assertNoSecret(project, ended);
  const missing = cliProject(t, pagedManifest(server));
  const { code, error } = await missing.failing('run');
  assertTeaches('secret.missing', error, code);
});

describe('a list that changes between requests', () => {
  /** Pages of two by number; `before` is called before each answer. */
  const shifting = (rows: Row[], before: (page: number) => void): Promise<TestServer> =>
    testServer((request, response) => {
      const page = Number(new URL(request.url, 'http://x').searchParams.get('page') ?? 1);
      before(page);
      sendJson(response, { total: rows.length, items: rows.slice((page - 1) * 2, page * 2) });
    });
  const resource = 'records = "items"\npagination = { type = "page", total = "total" }';
  const unordered = (server: TestServer): string =>
    pagedManifest(server, resource).replace(/incremental = .*\n/, '');

  test('is read again, and then it is whole', async (t) => {
    const rows = [1, 2, 3, 4].map((id) => ({ id, version: 1 }));
    let changed = false;
    await using server = await shifting(rows, (page) => {
      if (page !== 2 || changed) return;
      changed = true;
      rows.splice(0, 1);
    });
    const project = cliProject(t, unordered(server), { env: { API_TOKEN: CANARY } });
    await project.run();
    const ids = (await project.rows('select id from http_things order by id')).map(({ id }) => id);
    assert.deepEqual(ids.slice(-3), [2, 3, 4], 'the row that slid across the border of two pages is there');
  });

  test('and does not stop changing: told, nothing is lost, and the next run reads it again', async (t) => {
    const rows = [1, 2, 3, 4].map((id) => ({ id, version: 1 }));
    let restless = true;
    await using server = await shifting(rows, (page) => {
      if (page === 2 && restless) rows.unshift({ id: 100 + rows.length, version: 1 });
    });
    const project = cliProject(t, unordered(server), { env: { API_TOKEN: CANARY } });
    const ended = await project.hakiri('run');
    assert.equal(ended.code, 0, ended.stderr);
    assert.match(ended.stderr, /kept changing while its pages were read/);
    restless = false;
    await project.run();
    const ids = (await project.rows('select id from http_things order by id')).map(({ id }) => id);
    assert.deepEqual(
      ids,
      rows.map(({ id }) => id).sort((a, b) => a - b),
    );
  });
});

const fileManifest = (path: string, table = ''): string => `[[pipeline]]
id = "files"
source = { connector = "file", config = { path = "${path}" } }
tables = [{ source = "records", name = "things", primary_key = ["id"]${table} }]
`;

test('records that cannot be taken are set aside with their reason, and the others are exact', async (t) => {
  const project = cliProject(t, fileManifest('in.ndjson', ', max_record = "4 KB"'));
  const good = [
    '{"id":9223372036854775807,"big":9007199254740993,"text":"a"}',
    '{"id":-9223372036854775808,"big":-9007199254740993,"text":"b"}',
    '{"id":1,"big":1,"text":"half a pair \\ud83d here"}',
    '{"id":2,"big":2,"text":"a pair \\ud83d\\ude00 there"}',
  ];
  const bad: readonly [ErrorCode, string][] = [
    ['record.malformed_json', '{"id":10,"text":}'],
    ['record.duplicate_key', '{"id":11,"text":"a","text":"b"}'],
    ['record.key_case', '{"id":12,"text":"a","Text":"b"}'],
    ['record.reserved_key', '{"id":13,"_hakiri_order":"z"}'],
    ['record.null_key', '{"id":null,"text":"a"}'],
    ['record.not_object', '[1,2]'],
    ['record.type_conflict', '{"id":14,"big":"not a number"}'],
    ['record.too_large', `{"id":15,"text":"${'x'.repeat(5000)}"}`],
  ];
  const lines = [...good, ...bad.map(([, line]) => line)];
  writeFileSync(join(project.folder, 'in.ndjson'), `${lines.join('\n')}\n`);
  const { tables, stderr } = await project.run();
  assert.equal(tables[0]?.rows, good.length, stderr);
  assert.equal(tables[0]?.set_aside, bad.length);
  const quarantine = readFileSync(fileBelow(project.context, '.ndjson'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { code: string; reason: string; record: string });
  assert.deepEqual(quarantine.map(({ code }) => code).sort(), bad.map(([code]) => code).sort());
  for (const { code, record } of quarantine) {
    const [, line] = bad.find(([name]) => name === code)!;
    assert.ok(line.startsWith(record.slice(0, 4096)), 'the record as it came');
  }
  assert.deepEqual(await project.rows('select * from things order by id'), [
    { id: '-9223372036854775808', big: '-9007199254740993', text: 'b' },
    { id: 1, big: 1, text: 'half a pair \ufffd here' },
    { id: 2, big: 2, text: 'a pair \u{1f600} there' },
    { id: '9223372036854775807', big: '9007199254740993', text: 'a' },
  ]);
  assert.deepEqual(await project.rows('select count(*) as n from things where big = 9007199254740993'), [
    { n: 1 },
  ]);
});

/** The most memory that the process itself has held so far, in bytes. */
function peakBytes(pid: number | undefined): number {
  const status = existsSync(`/proc/${pid}/status`) ? readFileSync(`/proc/${pid}/status`, 'utf8') : '';
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}

test('a record of 200 MB is set aside without being held in memory', async (t) => {
  const chunk = Buffer.alloc(1024 * 1024, 'x');
  await using server = await testServer(async (_, response) => {
    response.setHeader('content-type', 'application/json').write('[{"id":1,"version":1},{"id":2,"text":"');
    for (let i = 0; i < 200; i++) {
      if (!response.write(chunk)) await new Promise((resolve) => response.once('drain', resolve));
    }
    response.end('"},{"id":3,"version":3}]');
  });
  const project = cliProject(t, pagedManifest(server), { env: { API_TOKEN: CANARY } });
  const { child, ended } = project.start('run', '--json');
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, peakBytes(child.pid));
  }, 10);
  const { code, stdout, stderr } = await ended;
  clearInterval(watch);
  assert.equal(code, 0, stderr);
  assert.equal(JSON.parse(stdout).tables[0].set_aside, 1);
  assert.deepEqual(await project.rows('select id from http_things order by id'), [{ id: 1 }, { id: 3 }]);
  const [line] = readFileSync(fileBelow(project.context, '.ndjson'), 'utf8').split('\n');
  assert.equal(JSON.parse(line ?? '').code, 'record.too_large');
  t.diagnostic(`peak of the main process: ${Math.round(peak / 2 ** 20)} MB`);
  assert.ok(peak < 350 * 2 ** 20, `the main process held ${Math.round(peak / 2 ** 20)} MB`);
});

test('a CSV with a broken quote is told by its line, the file before it stays, the next run takes it', async (t) => {
  const project = cliProject(t, fileManifest('in/*.csv'));
  mkdirSync(join(project.folder, 'in'));
  const broken = join(project.folder, 'in/2.csv');
  // Lines that look like comments, an empty text beside a missing one: nothing is lost in silence.
  writeFileSync(join(project.folder, 'in/1.csv'), 'id,name,note\n#1,one,""\n#2,"two, quoted",\n');
  writeFileSync(broken, 'id,name\n3,"three\n4,four\n');
  const failed = await project.failing('run');
  assertTeaches('source.csv_malformed', failed.error, failed.code);
  assert.match(failed.error.message, /in\/2\.csv is broken at line 2$/);
  assert.deepEqual(await project.rows('select * from things order by id'), [
    { id: '#1', name: 'one', note: '' },
    { id: '#2', name: 'two, quoted', note: null },
  ]);
  writeFileSync(broken, 'id,name\n3,"three"\n4,four\n');
  await project.run();
  assert.deepEqual(await project.rows('select count(*) as n from things'), [{ n: 4 }]);
});

const CSV_FAULTS: readonly [what: string, code: ErrorCode, csv: string, tells: RegExp][] = [
  [
    "names a column of Hakiri's own",
    'record.reserved_key',
    'id,_Hakiri_order\n1,z\n',
    /has a column _Hakiri_order/,
  ],
  [
    'names two columns alike but for case',
    'source.csv_malformed',
    'id,name,NAME\n1,a,b\n',
    /two columns .* NAME$/,
  ],
  ['has a line with a field too many', 'source.csv_malformed', 'id,name\n1,a\n2,b,c\n', /in\/1\.csv/],
  ['has a row without a key', 'record.null_key', 'id,name\n1,a\n,b\n', /in\/1\.csv: .* key column id/],
  ['is not UTF-8', 'source.csv_malformed', 'id,name\n1,\ud800\n', /in\/1\.csv/],
];

describe('a CSV file is refused whole, and told by its name, when it', { concurrency: 2 }, () => {
  for (const [what, code, csv, tells] of CSV_FAULTS) {
    test(`${what}: ${code}`, async (t) => {
      const project = cliProject(t, fileManifest('in/*.csv'));
      mkdirSync(join(project.folder, 'in'));
      const path = join(project.folder, 'in/1.csv');
      // A lone surrogate stands for a byte that no UTF-8 holds.
      writeFileSync(path, Buffer.from(csv.replace('\ud800', '\u00ff'), 'latin1'));
      const failed = await project.failing('run');
      assertTeaches(code, failed.error, failed.code);
      assert.match(failed.error.message, tells);
      writeFileSync(path, '');
      await project.run();
      assert.deepEqual((await project.hakiri('tables', '--json')).code, 0);
      writeFileSync(path, 'id,name\n1,a\n');
      await project.run();
      assert.deepEqual(await project.rows('select * from things'), [{ id: '1', name: 'a' }]);
    });
  }
});

test('a Parquet file that is cut short is told, the file before it stays, the next run takes it', async (t) => {
  const project = cliProject(t, fileManifest('in/*.parquet'));
  mkdirSync(join(project.folder, 'in'));
  const write = async (name: string, from: number): Promise<string> => {
    const path = join(project.folder, 'in', name);
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    await connection.run(
      `COPY (SELECT i AS id, 'row ' || i AS name FROM range(${from}, ${from + 1000}) t(i)) TO '${path}' (FORMAT parquet)`,
    );
    connection.closeSync();
    instance.closeSync();
    return path;
  };
  await write('1.parquet', 0);
  const cut = await write('2.parquet', 1000);
  truncateSync(cut, 2000);
  const failed = await project.failing('run');
  assertTeaches('source.parquet_damaged', failed.error, failed.code);
  assert.match(failed.error.message, /in\/2\.parquet/);
  assert.deepEqual(await project.rows('select count(*) as n from things'), [{ n: 1000 }]);
  await write('2.parquet', 1000);
  await project.run();
  assert.deepEqual(await project.rows('select count(*) as n, max(name) as name from things'), [
    { n: 2000, name: 'row 999' },
  ]);
});

const TABLES = 'tables = [{ source = "records", name = "things", primary_key = ["id"]';
const MANIFEST_FAULTS: readonly { name: string; code: ErrorCode; change: [string, string]; tells: RegExp }[] =
  [
    {
      name: 'a wrong type',
      code: 'manifest.wrong_type',
      change: ['primary_key = ["id"]', 'primary_key = 7'],
      tells: /primary_key/,
    },
    {
      name: 'an unknown key',
      code: 'manifest.unknown_key',
      change: ['primary_key', 'primary_kee'],
      tells: /primary_key/,
    },
    {
      name: 'broken TOML',
      code: 'manifest.syntax',
      change: ['[[pipeline]]', '[[pipeline]'],
      tells: /hakiri\.toml/,
    },
    {
      name: 'a source told something it does not take',
      code: 'source.config',
      change: ['path =', 'paths ='],
      tells: /paths/,
    },
    {
      name: 'a type that cannot be',
      code: 'manifest.wrong_type',
      change: ['primary_key = ["id"]', 'primary_key = ["id"], columns = { a = { type = "varchar2" } }'],
      tells: /varchar2|type/,
    },
    {
      name: 'a schedule that is none',
      code: 'manifest.wrong_type',
      change: ['id = "files"', 'id = "files"\nschedule = "every noon"'],
      tells: /schedule/,
    },
    {
      name: 'a zone that is none',
      code: 'manifest.wrong_type',
      change: [TABLES, `${TABLES}, inference_zone_allowed = ["moon:*"]`],
      tells: /inference_zone_allowed/,
    },
    {
      name: 'an index by a model that nobody defines',
      code: 'embedding.unknown_model',
      change: [
        TABLES,
        `${TABLES}, indexes = { v = { kind = "vector", column = "name", model = "nope", dim = 8 } }`,
      ],
      tells: /nope/,
    },
    ...(
      [
        ['partitions', TABLES, `${TABLES}, partitions = ["region=eu"]`],
        ['sync', '[[pipeline]]', '[sync]\nbucket = "s3://a/b"\n\n[[pipeline]]'],
      ] as const
    ).map(([name, from, to]) => ({
      name: `${name}, which this build does not carry out`,
      code: 'manifest.not_built' as const,
      change: [from, to] as [string, string],
      tells: /./,
    })),
  ];

describe('a manifest is refused before anything is written:', { concurrency: 2 }, () => {
  for (const { name, code, change, tells } of MANIFEST_FAULTS) {
    test(`${name}: ${code}`, async (t) => {
      const before = fileManifest('in.ndjson');
      const after = before.replace(change[0], change[1]);
      assert.notEqual(after, before);
      const project = cliProject(t, after);
      writeFileSync(join(project.folder, 'in.ndjson'), '{"id":1}\n');
      const failed = await project.failing('run');
      assertTeaches(code, failed.error, failed.code);
      assert.match(`${failed.error.message} ${failed.error.hint}`, tells);
      assert.equal(existsSync(join(project.folder, '.hakiri')), false);
    });
  }
});
