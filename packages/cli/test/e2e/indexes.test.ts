import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type CliProject, cliProject } from '../support/cli-project.ts';
import { DIMS, type EmbeddingServer, embeddingServer } from '../support/embedding-server.ts';

const NOTES = [
  { id: 1, text: 'memory leak while reading parquet' },
  { id: 2, text: 'the garden needs water' },
  { id: 3, text: 'reading files in parallel' },
];

const model = (name: string, endpoint: string, more = ''): string =>
  `[embedding.${name}]\nendpoint = "${endpoint}"\nzone = "local:device"\ndim = ${DIMS}\n${more}\n`;

const MANIFEST = (endpoint: string): string => `[[pipeline]]
id = "notes"
source = { connector = "file", config = { path = "notes-*.ndjson" } }

  [[pipeline.tables]]
  source = "notes"
  name = "notes"
  primary_key = ["id"]
  indexes.words = { kind = "fts", column = "text" } # by words

  [pipeline.tables.indexes.near]
  kind = "vector"
  column = "text"
  model = "first" # the model

${model('first', endpoint)}
${model('second', endpoint)}`;

interface Listed {
  readonly name: string;
  readonly model?: string;
  readonly rows: number;
  readonly rows_behind: number;
  readonly answers: boolean;
  readonly serving: { readonly model: string } | null;
}

async function list(project: CliProject): Promise<readonly Listed[]> {
  const { code, stdout, stderr } = await project.hakiri('index', 'list', '--json');
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout).indexes;
}

async function found(project: CliProject, mode: string, text: string): Promise<readonly number[]> {
  const { code, stdout, stderr } = await project.hakiri(
    ...['query', '--search', text, '--in', 'notes', '--mode', mode, '--select', 'id', '--top', '3', '--json'],
  );
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout).rows.map(({ id }: { id: number }) => id);
}

async function filled(
  t: TestContext,
): Promise<{ readonly project: CliProject; readonly server: EmbeddingServer }> {
  const server = await embeddingServer(t);
  const project = cliProject(t, MANIFEST(server.endpoint), { profile: 'full' });
  project.write('notes-1.ndjson', NOTES);
  await project.run();
  return { project, server };
}

const manifestOf = ({ folder }: CliProject): string => readFileSync(join(folder, 'hakiri.toml'), 'utf8');

test('rows can be searched once they are committed, and another model takes over when it is built', async (t) => {
  const { project, server } = await filled(t);
  assert.deepEqual(
    (await list(project)).map(({ name, rows, rows_behind, answers }) => [name, rows, rows_behind, answers]),
    [
      ['words', 3, 0, true],
      ['near', 3, 0, true],
    ],
  );
  assert.deepEqual(server.texts('first').toSorted(), NOTES.map(({ text }) => text).toSorted());
  assert.equal((await found(project, 'vector', 'garden water'))[0], 2);
  assert.equal((await found(project, 'keyword', 'leak'))[0], 1);

  const before = manifestOf(project);
  const { code, stdout, stderr } = await project.hakiri(
    'index',
    'rebuild',
    'notes.near',
    '--model',
    'second',
    '--json',
  );
  assert.equal(code, 0, stderr);
  assert.deepEqual(JSON.parse(stdout), {
    rebuilt: [{ table: 'notes', index: 'near' }],
    changed: ['hakiri.toml'],
  });
  assert.equal(
    manifestOf(project),
    before.replace('model = "first" # the model', 'model = "second" # the model'),
  );
  const [, near] = await list(project);
  assert.deepEqual([near?.model, near?.rows, near?.answers, near?.serving], ['second', 3, true, null]);
  const folder = join(project.context, 'tables/notes/data');
  const ids = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    /_indexes\/near-[^/]+$/.test(path),
  );
  assert.equal(ids.length, 1, `${ids}`);
  assert.deepEqual(server.texts('second').slice(0, 3).toSorted(), NOTES.map(({ text }) => text).toSorted());
  assert.equal((await found(project, 'vector', 'garden water'))[0], 2);
});

test('a text is embedded once, however often its index is built', async (t) => {
  const { project, server } = await filled(t);
  const texts = server.texts('first').length;
  const before = manifestOf(project);
  // The manifest names this model already: it is built anew and nothing is changed.
  const { code, stdout, stderr } = await project.hakiri('index', 'rebuild', '--model', 'first');
  assert.equal(code, 0, stderr);
  assert.equal(stdout, '');
  assert.equal(manifestOf(project), before);
  assert.match(stderr, /notes: indexed 3 of 3 rows/);
  assert.equal(server.texts('first').length, texts);
  assert.equal((await found(project, 'vector', 'garden water'))[0], 2);
});

test('what cannot be rebuilt changes nothing: neither the manifest nor what answers', async (t) => {
  const { project, server } = await filled(t);
  const refusals = [
    [['nots'], 'query.unknown_table', /Did you mean notes\?/],
    [['notes.nar'], 'query.no_index', /Did you mean notes\.near\?/],
    [['--model', 'secnd'], 'embedding.unknown_model', /Did you mean second\?/],
    [['notes.words', '--model', 'second'], 'usage.argument', /./],
  ] as const;
  for (const [argv, code, hint] of refusals) {
    const { error } = await project.failing('index', 'rebuild', ...argv);
    assert.equal(error.code, code, error.message);
    assert.match(error.hint, hint);
  }
  const before = manifestOf(project);
  server.answerWith((response) => response.writeHead(401).end('{"error":{"code":"invalid_api_key"}}'));
  const { code, error } = await project.failing('index', 'rebuild', '--model', 'second');
  assert.equal(code, 5);
  assert.equal(error.code, 'embedding.refused');
  assert.match(error.message, /invalid_api_key/);
  server.answerWith(undefined);
  assert.equal(manifestOf(project), before);
  const [, near] = await list(project);
  assert.deepEqual([near?.model, near?.answers], ['first', true]);
  assert.equal((await found(project, 'vector', 'garden water'))[0], 2);
});

test('data does not wait for an endpoint that is down, and its index catches up', async (t) => {
  const { project, server } = await filled(t);
  server.answerWith((response) => response.writeHead(400).end());
  project.write('notes-2.ndjson', [{ id: 4, text: 'a new leak' }]);
  const { code: committed, stderr } = await project.hakiri('run');
  assert.equal(committed, 0, stderr);
  assert.match(stderr, /notes: index near behind: .*answered 400/);
  const states = (await list(project)).map(({ name, rows_behind }) => [name, rows_behind]);
  assert.deepEqual(states, [
    ['words', 0],
    ['near', 1],
  ]);
  assert.deepEqual((await found(project, 'keyword', 'leak')).toSorted(), [1, 4]);
  server.answerWith(undefined);
  const { code, stderr: told } = await project.hakiri('index', 'rebuild', 'notes.near');
  assert.equal(code, 0, told);
  assert.deepEqual(
    (await list(project)).map(({ rows_behind }) => rows_behind),
    [0, 0],
  );
  assert.deepEqual(server.texts('first').filter((text) => text === 'a new leak').length, 1);
});

test('Ctrl-C ends a rebuild, and what answered goes on', async (t) => {
  const { project, server } = await filled(t);
  const asked = Promise.withResolvers<void>();
  server.answerWith(() => asked.resolve());
  const before = manifestOf(project);
  const { child, ended } = project.start('index', 'rebuild', '--model', 'second');
  await asked.promise;
  child.kill('SIGINT');
  const { code, stderr } = await ended;
  assert.equal(code, 130, stderr);
  assert.match(stderr, /stopping after this part/);
  server.answerWith(undefined);
  assert.equal(manifestOf(project), before);
  assert.equal((await found(project, 'vector', 'garden water'))[0], 2);
});
