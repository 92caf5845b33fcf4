import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorCode, HakiriError, type Manifest, type TableName } from '@hakiri/core';
import { parseManifestText, readManifest, tableZones, toToml } from '@hakiri/core/manifest';

const PROJECT = '[project]\nname = "demo"\n';

const pipeline = (more = '', id = 'x') =>
  `[[pipeline]]\nid = "${id}"\nsource = { connector = "file" }\n${more}\n`;

const table = (more: string, id = 'x') => pipeline(`tables = [{ source = "a", name = "t", ${more} }]`, id);

const MODEL = `[embedding.m]
endpoint = "http://127.0.0.1:8080/v1/embeddings"
zone = "on-prem:rack1"
dim = 8
`;

function read(...texts: readonly string[]): Manifest {
  return readManifest([{ file: 'hakiri.toml', text: PROJECT + texts.join('') }]);
}

function refuses(text: string, code: ErrorCode, message: RegExp): void {
  assert.throws(
    () => read(text),
    (error) => {
      assert.ok(error instanceof HakiriError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      return true;
    },
  );
}

test('indexes become specs with every default filled in', () => {
  const manifest = read(
    table(`indexes = {
      words = { kind = "fts", columns = ["title", "user.login"] },
      codes = { kind = "fts", column = "sku", analyzer = "none" },
      near = { kind = "vector", columns = ["title", "body"] },
      far = { kind = "vector", column = "body", model = "m", scan = "float" } }`),
    MODEL,
  );
  assert.deepEqual(manifest.pipelines[0]?.tables?.[0]?.indexes, [
    { kind: 'fts', name: 'words', columns: ['title', 'user.login'], analyzer: 'english' },
    { kind: 'fts', name: 'codes', columns: ['sku'], analyzer: 'none' },
    {
      kind: 'vector',
      name: 'near',
      columns: ['title', 'body'],
      model: 'hakiri-lexical-v1',
      dims: 384,
      metric: 'cosine',
      scan: 'int8',
    },
    { kind: 'vector', name: 'far', columns: ['body'], model: 'm', dims: 8, metric: 'cosine', scan: 'float' },
  ]);
});

test('an index that cannot be is refused with what would do', () => {
  const wrong = [
    ['{ kind = "fts" }', /indexes > i > columns: is missing: expected either column or columns/],
    ['{ kind = "vector", column = "a", columns = ["b"] }', /expected either column or columns/],
    [
      '{ kind = "text", column = "a" }',
      /i > kind: expected "fts" for words or "vector" for meaning, got "text"/,
    ],
    ['{ column = "a" }', /kind: is missing: expected "fts" for words or "vector"/],
    [
      '{ kind = "fts", column = "a", analyzer = "german" }',
      /expected "english" or "simple" or "none", got "german"/,
    ],
    ['{ kind = "vector", column = "a", dim = 0 }', /dim: expected a whole number from 1 to 8192, got 0/],
    [
      '{ kind = "vector", column = "a", dim = 512 }',
      /expected 384, as many as the built-in model has, got 512/,
    ],
    ['"title"', /i: expected a table such as/],
  ] as const;
  for (const [index, message] of wrong) {
    refuses(table(`indexes = { i = ${index} }`), 'manifest.wrong_type', message);
  }
  refuses(
    table('indexes = { "I J" = { kind = "fts", column = "a" } }'),
    'manifest.wrong_type',
    /a name of lower-case/,
  );
  refuses(
    table('indexes = { i = { kind = "fts", column = "a", analizer = "none" } }'),
    'manifest.unknown_key',
    /indexes > i: .*"analizer".*did you mean "analyzer"/,
  );
  refuses(
    table('indexes = { i = { kind = "vector", column = "a", modle = "m" } }'),
    'manifest.unknown_key',
    /did you mean "model"/,
  );
});

test('a vector index names a model that is there', () => {
  refuses(
    `${table('indexes = { i = { kind = "vector", column = "a", model = "mm" } }')}${MODEL}`,
    'embedding.unknown_model',
    /indexes > i > model: no model "mm" is defined; did you mean "m"\?/,
  );
});

test('a model and its indexes agree about how many numbers a vector has', () => {
  const model = '[embedding.m]\nendpoint = "http://h/v1"\nzone = "on-prem:a"\n';
  const using = (dim: string, id: string) =>
    table(`indexes = { ${id} = { kind = "vector", column = "a", model = "m"${dim} } }`, id);
  const manifest = read(using(', dim = 16', 'a'), using('', 'b'), model);
  assert.equal(manifest.embeddings[0]?.dims, 16);
  assert.deepEqual(
    manifest.pipelines[1]?.tables?.[0]?.indexes.map((index) => index.kind === 'vector' && index.dims),
    [16, 16],
  );
  refuses(using(', dim = 16', 'a') + using(', dim = 8', 'b') + model, 'manifest.wrong_type', /of 16 .* of 8/);
  refuses(using(', dim = 9', 'a') + MODEL, 'manifest.wrong_type', /of 8 .* of 9/);
  refuses(pipeline() + model, 'manifest.wrong_type', /embedding > m > dim: is missing/);
});

test('a model is an endpoint or a folder, with what belongs to it', () => {
  const manifest = read(
    pipeline(),
    `[embedding."org/big-model"]
endpoint = "https://api.example.com/v1/embeddings"
zone = "public-cloud:example"
dim = 1024
secret = "EXAMPLE_KEY"
batch = 16
timeout = "5s"
query_prefix = "query: "
[embedding.small]
folder = "models/small"
dim = 384
`,
  );
  assert.deepEqual(manifest.embeddings, [
    {
      kind: 'endpoint',
      model: 'org/big-model',
      dims: 1024,
      batch: 16,
      queryPrefix: 'query: ',
      documentPrefix: '',
      endpoint: 'https://api.example.com/v1/embeddings',
      zone: 'public-cloud:example',
      secret: 'EXAMPLE_KEY',
      timeoutMs: 5000,
    },
    {
      kind: 'folder',
      model: 'small',
      dims: 384,
      batch: 64,
      queryPrefix: '',
      documentPrefix: '',
      folder: 'models/small',
    },
  ]);
  const wrong = [
    ['dim = 8', /expected either endpoint or folder/],
    ['dim = 8\nendpoint = "http://h/"\nfolder = "f"\nzone = "on-prem:a"', /either endpoint or folder/],
    ['dim = 8\nendpoint = "http://h/"', /zone: is missing: expected where the endpoint runs/],
    ['dim = 8\nendpoint = "http://h/"\nzone = "mars:base"', /zone: expected "local:device"/],
    ['dim = 8\nendpoint = "ftp://h/"\nzone = "on-prem:a"', /endpoint: expected an address that starts with/],
    ['dim = 8\nfolder = "f"\nsecret = "KEY"', /secret: expected no secret beside folder/],
    ['dim = 8\nfolder = "f"\nbatch = 5000', /batch: expected a whole number from 1 to 2048/],
  ] as const;
  for (const [keys, message] of wrong)
    refuses(`${pipeline()}[embedding.m]\n${keys}`, 'manifest.wrong_type', message);
  refuses(`${pipeline()}[embedding.hakiri-lexical-v1]\nfolder = "f"`, 'manifest.wrong_type', /is built in/);
  refuses(`${pipeline()}[embedding.m]\nendpont = "x"`, 'manifest.unknown_key', /did you mean "endpoint"/);
});

test('neither a key put where its name belongs nor one in an address is shown', () => {
  for (const keys of ['secret = "sk-hidden"', 'endpoint = "https://u:sk-hidden@h/"']) {
    const text = `${PROJECT}[embedding.m]\ndim = 8\nzone = "on-prem:a"\n${keys}`;
    assert.throws(
      () => readManifest([{ file: 'hakiri.toml', text }]),
      (error) =>
        error instanceof HakiriError && !/sk-hidden/.test(error.message + JSON.stringify(error.details)),
    );
  }
});

test('a model defined in two files is refused, naming both', () => {
  assert.throws(
    () =>
      readManifest([
        { file: 'hakiri.toml', text: PROJECT + MODEL },
        { file: 'pipelines/b.toml', text: MODEL },
      ]),
    { code: 'manifest.wrong_type', message: /defined in hakiri\.toml and in pipelines\/b\.toml/ },
  );
});

test("indexes are the table's own: what one pipeline declares holds for all that feed it", () => {
  const manifest = read(
    table('indexes = { a = { kind = "fts", column = "x" }, b = { kind = "fts", column = "y" } }', 'one'),
    table(
      'indexes = { b = { kind = "fts", columns = ["y"] }, c = { kind = "vector", column = "z" } }',
      'two',
    ),
    table('mode = "merge"', 'three'),
  );
  for (const { tables } of manifest.pipelines) {
    assert.deepEqual(
      tables?.[0]?.indexes.map(({ name }) => name),
      ['a', 'b', 'c'],
    );
  }
  refuses(
    table('indexes = { a = { kind = "fts", column = "x" } }', 'one') +
      table('indexes = { a = { kind = "fts", column = "x", analyzer = "none" } }', 'two'),
    'manifest.table_conflict',
    /"one".*another index "a"/,
  );
});

test('a schedule is an interval or a cron expression', () => {
  const schedule = (keys: string) => read(pipeline(keys)).pipelines[0]?.schedule;
  assert.deepEqual(schedule('schedule = "every 15m"'), { kind: 'every', everyMs: 900_000, jitterMs: 0 });
  assert.deepEqual(schedule('schedule = "every  1s"\njitter = "250ms"'), {
    kind: 'every',
    everyMs: 1000,
    jitterMs: 250,
  });
  assert.deepEqual(schedule('schedule = " 0  6 * * MON-fri "'), {
    kind: 'cron',
    expression: '0 6 * * MON-fri',
    jitterMs: 0,
  });
  assert.equal(schedule(''), undefined);
  for (const good of [
    '*/10 * * * * *',
    '0 0 29 2 *',
    '5,35 0-6/2 1 jan,JUL 7',
    '0 0 31 2 mon',
    '0 0 1-31/5 * *',
  ]) {
    assert.equal(schedule(`schedule = "${good}"`)?.kind, 'cron', good);
  }
});

test('a schedule that nobody can keep is refused with the reason', () => {
  const wrong = [
    ['every 15 minutes', /"every 15m", or a cron expression such as .*it has 3 fields/],
    ['every 1500', /"every" and a duration of 1s to 366d/],
    ['every 10ms', /a duration of 1s to 366d/],
    ['daily', /it has 1 fields/],
    ['60 * * * *', /the minute is 0 to 59/],
    ['* 24 * * *', /the hour is 0 to 23/],
    ['0 0 0 * *', /the day of the month is 1 to 31/],
    ['0 0 * 13 *', /the month is 1 to 12 or jan to dec/],
    ['0 0 * * 8', /the day of the week is 0 to 7 or sun to sat/],
    ['0 0 * * fri-mon', /"fri-mon" is not part of a field/],
    ['5/10 * * * *', /"5\/10" is not part of a field/],
    ['*/0 * * * *', /not part of a field/],
    ['0 0 30 2 *', /no such day is in any of its months/],
    ['0 0 31 4,6,sep,11 *', /no such day/],
    ['0 0 L * *', /"L" is not part of a field/],
  ] as const;
  for (const [schedule, message] of wrong) {
    refuses(pipeline(`schedule = "${schedule}"`), 'manifest.wrong_type', message);
  }
  refuses(pipeline('jitter = "1m"'), 'manifest.wrong_type', /jitter: expected no jitter without a schedule/);
  refuses(pipeline('schedule = "every 1h"\njitter = "2d"'), 'manifest.wrong_type', /at most 1d/);
});

test('tags of pipeline, table and column hold together, through transforms', () => {
  const manifest = read(
    pipeline(
      `inference_zone_allowed = ["local:device", "on-prem:*", "public-cloud:eu-*"]
tables = [{ source = "a", name = "t", inference_zone_allowed = ["local:device", "on-prem:rack1"], columns = {
  email = { inference_zone_allowed = ["local:device"] }, user = { inference_zone_allowed = ["on-prem:*"] }, body = {} } }]`,
    ),
    `[[transforms]]
table = "t"
rename = { email = "mail" }
unnest = "user"
with_columns = { both = "concat(a, b)" }
`,
  );
  const zones = tableZones(manifest, 't' as TableName);
  assert.deepEqual(zones.table, [
    ['local:device', 'on-prem:*', 'public-cloud:eu-*'],
    ['local:device', 'on-prem:rack1'],
  ]);
  const email = ['local:device'];
  const user = ['on-prem:*'];
  // It may as well be a field of what was unnested, `login` nothing else.
  assert.deepEqual(zones.column('mail'), [email, user]);
  assert.deepEqual(zones.column('MAIL'), [email, user]);
  assert.deepEqual(zones.column('login'), [user]);
  assert.deepEqual(zones.column('both'), [email, user]);
});

test('a vector index whose data may not go to its model is refused', () => {
  const index = (tags: string, more = '') =>
    `${table(`${tags}indexes = { i = { kind = "vector", columns = ["title", "email"]${more} } }`)}${MODEL}`;
  const far = ', model = "m"';
  const local = 'columns = { email = { inference_zone_allowed = ["local:device"] } }, ';
  refuses(
    index(local, far),
    'embedding.zone_refused',
    /"m" runs in "on-prem:rack1", which .* of "email" leaves out/,
  );
  read(index(local));
  refuses(
    index('inference_zone_allowed = ["on-prem:*"], '),
    'embedding.zone_refused',
    /runs in "local:device", which .* of the table "t"/,
  );
  read(index('inference_zone_allowed = ["on-prem:rack*"], ', far));
  refuses(index('inference_zone_allowed = ["on-prem:rack2"], ', far), 'embedding.zone_refused', /rack1/);
  refuses(
    index('inference_zone_allowed = ["europe"], '),
    'manifest.wrong_type',
    /"on-prem:", "private-cloud:"/,
  );
  refuses(index('inference_zone_allowed = [], '), 'manifest.wrong_type', /a list of zones/);
});

test('what is declared of indexes and models survives being written again', () => {
  const text = `${PROJECT}${table('indexes = { i = { kind = "vector", column = "a", model = "m" } }')}${MODEL}`;
  const again = toToml(parseManifestText(text, { file: 'hakiri.toml', format: 'toml' }));
  assert.deepEqual(
    readManifest([{ file: 'hakiri.toml', text: again }]),
    readManifest([{ file: 'hakiri.toml', text }]),
  );
});
