import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorCode, HakiriError, PIPELINE_ID_PATTERN } from '@hakiri/core';
import { manifestJsonSchema, parseManifestText, readManifest, toJson, toToml } from '@hakiri/core/manifest';

const FULL = `
[project]
name = "demo"

[[pipeline]]
id = "github-issues"
source = { connector = "github", config = { repo = "duckdb/duckdb" } }
secrets = ["GITHUB_TOKEN"]
allow_hosts = ["127.0.0.1:8080"]
incremental = "updated_at"
lookback = "10m"

  [[pipeline.tables]]
  source = "issues"
  name = "github_issues"
  primary_key = ["id"]
  mode = "merge"
  incremental = "updated_at"
  on_conflict = "json"
  unknown_columns = "drop"
  commit_every = "5000 rows"
  max_record = "2 MB"
  agent_description = "Issues."
  columns.id = { type = "int64", agent_hint = "The key." }
  columns."user.login" = { type = "struct<a: int64, b: decimal(18,2)[]>" }

[[pipeline.transforms]]
table = "github_issues"
with_columns = { density = "comments / 10" }
filter = "state <> 'spam'"
rename = { a = "b" }

[[transforms]]
table = "github_issues"
drop = ["b"]
cast = { id = "string" }
`;

const file = (text: string, name = 'hakiri.toml') => ({ file: name, text });
const PROJECT = '[project]\nname = "demo"\n';
const pipeline = (more = '', id = 'x') =>
  `[[pipeline]]\nid = "${id}"\nsource = { connector = "file" }\n${more}\n`;

function refusal(...texts: readonly { readonly file: string; readonly text: string }[]): HakiriError {
  try {
    readManifest(texts);
  } catch (error) {
    assert.ok(error instanceof HakiriError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: 'the manifest was accepted' });
}

function refuses(text: string, code: ErrorCode, message: RegExp): void {
  const error = refusal(file(text));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, message);
}

test('a manifest becomes a model with every default, duration and size filled in', () => {
  const manifest = readManifest([file(FULL)]);
  assert.equal(manifest.project.name, 'demo');
  const [first] = manifest.pipelines;
  assert.equal(first?.lookbackMs, 600_000);
  assert.deepEqual(first?.allowHosts, ['127.0.0.1:8080']);
  const table = first?.tables?.[0];
  assert.equal(table?.commitEveryRows, 5000);
  assert.equal(table?.maxRecordBytes, 2 * 1024 * 1024);
  assert.deepEqual(
    table?.columns.map(({ name }) => name),
    ['id', 'user.login'],
  );
  const plain = readManifest([file(PROJECT + pipeline('tables = ["a"]'))]).pipelines[0]?.tables?.[0];
  assert.equal(plain?.commitEveryRows, 100_000);
  assert.equal(plain?.onConflict, 'quarantine');
});

test('how a table is kept comes from the table, then its pipeline, and holds for all that feed it', () => {
  const one = pipeline(
    `retention = "30d"
tombstone_retention = "90d"
tables = [{ source = "a", name = "t", mode = "merge", access_pattern = "by_repo", retention = "1d" }, "b"]`,
  );
  const two = pipeline('tables = [{ source = "c", name = "t", subject_columns = ["user.login"] }]', 'y');
  const manifest = readManifest([file(PROJECT + one + two)]);
  const day = 86_400_000;
  const tables = manifest.pipelines.flatMap((each) => each.tables ?? []);
  assert.deepEqual(
    tables.map((table) => [
      table.accessPattern,
      table.retentionMs,
      table.tombstoneRetentionMs,
      table.subjectColumns,
    ]),
    [
      ['by_repo', day, 90 * day, ['user.login']],
      [undefined, 30 * day, 90 * day, undefined],
      ['by_repo', day, 90 * day, ['user.login']],
    ],
  );
  assert.deepEqual(
    manifest.pipelines.map((each) => [each.retentionMs, each.tombstoneRetentionMs]),
    [
      [30 * day, 90 * day],
      [undefined, undefined],
    ],
  );
});

test('an access pattern, a retention or a subject that cannot be is refused', () => {
  const refused = [
    ['access_pattern = "daily"', /access_pattern: expected by_<column>, or recent_<n>d.*got "daily"/],
    ['access_pattern = "recent_0d(at)"', /access_pattern: expected by_<column>/],
    ['access_pattern = "by__hakiri_run"', /access_pattern: expected by_<column>/],
    ['retention = "4000d"', /retention: expected a duration of at most 3660d/],
    ['retention = "soon"', /retention: expected a duration such as/],
    ['tombstone_retention = "59m"', /tombstone_retention: expected a duration of 1h to 3660d/],
    ['subject_columns = []', /subject_columns: expected a list of columns/],
    ['subject_columns = ["_hakiri_run"]', /subject_columns/],
  ] as const;
  for (const [key, message] of refused) {
    refuses(`${PROJECT}${pipeline(`tables = [{ source = "a", ${key} }]`)}`, 'manifest.wrong_type', message);
  }
  for (const good of ['by_user.login', 'recent_30d', 'recent_7d(created_at)']) {
    readManifest([file(PROJECT + pipeline(`tables = [{ source = "a", access_pattern = "${good}" }]`))]);
  }
});

test('pipelines that feed one table agree about how it is kept, and none of them replaces it', () => {
  const feeding = (...settings: readonly string[]) =>
    PROJECT +
    settings.map((each, i) => pipeline(`tables = [{ source = "a", name = "t"${each} }]`, `p${i}`)).join('');
  const conflicts = [
    [', access_pattern = "by_a"', ', access_pattern = "by_b"', /another access_pattern/],
    [', retention = "1d"', ', retention = "2d"', /another retention/],
    [', tombstone_retention = "1d"', ', tombstone_retention = "2d"', /another tombstone_retention/],
    [', subject_columns = ["a"]', ', subject_columns = ["b"]', /another subject_columns/],
    [', mode = "replace"', ', mode = "replace"', /each would delete the other's rows/],
    ['', ', mode = "replace"', /each would delete the other's rows/],
  ] as const;
  for (const [a, b, message] of conflicts) refuses(feeding(a, b), 'manifest.table_conflict', message);
  // The first says nothing of it, and yet the other two do not agree.
  refuses(
    feeding('', ', retention = "1d"', ', retention = "2d"'),
    'manifest.table_conflict',
    /another retention/,
  );
  readManifest([file(feeding(', retention = "24h"', ', retention = "1d"'))]);
});

test('the verbs of transforms keep the order they are written in, entries of one table join', () => {
  const verbs = readManifest([file(FULL)]).transforms.map(({ table, steps }) => [
    table,
    steps.map(({ verb }) => verb),
  ]);
  assert.deepEqual(verbs, [['github_issues', ['with_columns', 'filter', 'rename', 'drop', 'cast']]]);
});

test('files under pipelines are merged, TOML and JSON alike', () => {
  const json = JSON.stringify({ $schema: 'x', pipeline: [{ id: 'two', source: { connector: 'file' } }] });
  const manifest = readManifest([file(PROJECT + pipeline()), file(json, 'pipelines/two.json')]);
  assert.deepEqual(
    manifest.pipelines.map(({ id }) => id),
    ['x', 'two'],
  );
});

test('an unknown key is refused with its place and the nearest key', () => {
  refuses(
    PROJECT + pipeline('secret = ["A"]'),
    'manifest.unknown_key',
    /pipeline "x": .*"secret".*"secrets"/,
  );
  refuses(
    PROJECT + pipeline('tables = [{ sorce = "a", source = "b" }]'),
    'manifest.unknown_key',
    /tables\[0\].*"source"/,
  );
  refuses(`${PROJECT}qqqqqq = 1`, 'manifest.unknown_key', /"qqqqqq"/);
});

test('a key or value that is not built yet is refused by name', () => {
  const refused = [
    ['tables = [{ source = "a", partitions = ["x"] }]', /tables\[0\]: "partitions"/],
    ['[sync]\nbucket = "s3://x"', /"sync"/],
  ] as const;
  for (const [text, message] of refused) refuses(PROJECT + pipeline(text), 'manifest.not_built', message);
});

test('a wrong type says the place, what is expected and what is there', () => {
  const wrong = [
    [
      'tables = [{ source = "a", commit_every = 5 }]',
      /pipeline "x" > tables\[0\] > commit_every: expected .*"100000 rows".*, got 5/,
    ],
    ['lookback = "10 minutes"', /lookback: expected a duration .*got "10 minutes"/],
    ['tables = "a"', /tables: expected a list of tables, got "a"/],
    ['tables = [3]', /tables\[0\]: expected the name of a table or a table/],
    ['tables = [{ source = "a", primary_key = [] }]', /primary_key: expected a list of columns/],
    ['tables = [{ source = "a", max_record = "9 GB" }]', /max_record: expected "1 KB" to "1 GB"/],
    [
      'tables = [{ source = "a", columns = { b = { type = "int65" } } }]',
      /type: expected .*int64.*got "int65"/,
    ],
    ['tables = [{ source = "a", columns = { _hakiri_x = {} } }]', /not starting with _hakiri_/],
    [
      'tables = [{ source = "a", mode = "mege" }]',
      /mode: expected "merge" or "append" or "replace", got "mege"/,
    ],
    ['tables = [{ name = "a" }]', /tables\[0\] > source: is missing/],
  ] as const;
  for (const [text, message] of wrong) refuses(PROJECT + pipeline(text), 'manifest.wrong_type', message);
  refuses(`${PROJECT}[[pipeline]]\nid = "x"`, 'manifest.wrong_type', /source: is missing/);
  refuses('[[transforms]]\ntable = "t"\n', 'manifest.wrong_type', /project: is missing/);
});

test('the value of a secret pasted where its name belongs is not shown', () => {
  const error = refusal(file(PROJECT + pipeline('secrets = ["ghp_abcdefghijkl"]')));
  assert.doesNotMatch(error.message + JSON.stringify(error.details), /ghp_/);
});

test('all problems are reported, five of them in words', () => {
  const error = refusal(file(PROJECT + pipeline('a1 = 1\nb1 = 1\nc1 = 1\nd1 = 1\ne1 = 1\nf1 = 1')));
  assert.equal(error.details.problems, 6);
  assert.equal(error.message.split('\n').length, 6);
  assert.match(error.message, /and 1 more/);
});

test('syntax errors name line and column', () => {
  const toml = refusal(file('[project]\nname = = "x"'));
  assert.deepEqual([toml.code, toml.details.line], ['manifest.syntax', 2]);
  const json = refusal(file(PROJECT), file('{\n  "pipeline": [,]\n}', 'pipelines/a.json'));
  assert.deepEqual([json.code, json.details.line, json.details.column], ['manifest.syntax', 2, 16]);
  const twice = refusal(file(PROJECT), file('{"pipeline": [], "pipeline": []}', 'pipelines/a.json'));
  assert.match(twice.message, /given twice/);
});

test('a pipeline id used in two files names both', () => {
  const error = refusal(file(PROJECT + pipeline()), file(pipeline(), 'pipelines/b.toml'));
  assert.equal(error.code, 'manifest.duplicate_pipeline');
  assert.match(error.message, /hakiri\.toml and in pipelines\/b\.toml/);
});

test('pipelines that feed one table must agree about key, mode and columns', () => {
  const feed = (id: string, more: string) => pipeline(`tables = [{ source = "a", name = "t", ${more} }]`, id);
  const both = (one: string, two: string) => PROJECT + feed('one', one) + feed('two', two);
  const conflict = 'manifest.table_conflict';
  refuses(both('primary_key = ["a"]', 'primary_key = ["b"]'), conflict, /"one".*primary_key/);
  refuses(both('mode = "merge"', 'mode = "append"'), conflict, /mode/);
  refuses(
    both('columns = { a = { type = "int8" } }', 'columns = { a = { type = "date" } }'),
    conflict,
    /column "a"/,
  );
  refuses(PROJECT + pipeline('tables = ["a", "a"]'), conflict, /listed twice/);
  assert.equal(readManifest([file(both('mode = "merge"', 'mode = "merge"'))]).pipelines.length, 2);
});

test('a transform of a table that nothing feeds is refused', () => {
  const text = `${PROJECT}${pipeline('tables = [{ source = "a", name = "issues" }]')}[[transforms]]\ntable = "isues"\ndrop = ["a"]`;
  refuses(text, 'manifest.wrong_type', /did you mean "issues"/);
});

test('a manifest converts between TOML and JSON without changing its meaning', () => {
  const raw = parseManifestText(FULL, { file: 'hakiri.toml', format: 'toml' });
  const model = readManifest([file(FULL)]);
  assert.deepEqual(readManifest([file(toToml(raw))]), model);
  assert.deepEqual(readManifest([file(toJson(raw), 'hakiri.json')]), model);
  assert.match(toToml(raw), /^\[\[pipeline\.tables\]\]$/m);
  assert.equal(toToml(parseManifestText(toToml(raw), { file: 'x', format: 'toml' })), toToml(raw));
});

test('values that only one of the two formats has are refused or brought to text', () => {
  const read = (text: string) => parseManifestText(text, { file: 'x', format: 'toml' });
  assert.deepEqual(read('a = 2024-01-02\nb = -0.0'), { a: '2024-01-02', b: 0 });
  assert.throws(() => read('a = nan'), { code: 'manifest.wrong_type' });
  assert.throws(() => parseManifestText('{"a": null}', { file: 'x', format: 'json' }), {
    code: 'manifest.wrong_type',
  });
  assert.throws(() => read(`[${'a.'.repeat(5000)}a]`), { code: 'manifest.wrong_type' });
  assert.throws(() => parseManifestText('['.repeat(100_000), { file: 'x', format: 'json' }), {
    code: 'manifest.syntax',
  });
});

test('the published schema holds every key with its description and nothing that is not built', () => {
  const schema = JSON.stringify(
    manifestJsonSchema({
      file: { type: 'object', properties: { path: { type: 'string' } }, additionalProperties: false },
    }),
  );
  assert.match(schema, /"\$id":"https:\/\/hakiri\.dev\/schema\/manifest-0\.1\.json"/);
  assert.match(schema, /2020-12/);
  for (const key of ['commit_every', 'lookback', 'explode'])
    assert.match(schema, new RegExp(`"${key}":\\{[^}]*"description"`));
  for (const key of ['partitions', 'replicate']) assert.ok(!schema.includes(`"${key}`));
  assert.ok(schema.includes('#/$defs/config-file'));
  assert.ok(schema.includes(JSON.stringify(PIPELINE_ID_PATTERN.source)));
});

test('every property of the published schema has a description', () => {
  const missing: string[] = [];
  const walk = (node: unknown, path: string): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const [key, value] of Object.entries(node)) {
      if (key === 'properties') {
        for (const [name, property] of Object.entries(value as object)) {
          if (!('description' in property)) missing.push(`${path}.${name}`);
        }
      }
      walk(value, `${path}.${key}`);
    }
  };
  walk(manifestJsonSchema(), '');
  assert.deepEqual(missing, []);
});
