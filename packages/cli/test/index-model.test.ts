import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TableName } from '@hakiri/core';
import { readManifest, toJson } from '@hakiri/core/manifest';
import { withIndexModel } from '../src/index-model.ts';

const MANIFEST = `# top
[project]
name = "demo" # c

[[pipeline]]
id = "x"   # id
source = { connector = "file" }

  [[pipeline.tables]]
  source = "a"
  name = "one"
  columns.title = { agent_hint = "h" } # hint
  indexes.words = { kind = "fts", columns = ["t"] }  # words
  indexes.near = { kind = "vector", column = "b", model = "old", dim = 8 } # near

  [[pipeline.tables]]
  source = "c"
  # before
  [pipeline.tables.indexes.near]
  kind = "vector"
  columns = ["a",
    "b"] # cols
  # about the model
  model = "old" # m
  scan = "float"

  [pipeline.tables.indexes.plain]  # defaults
    kind = "vector"
    column = "a"

  [[pipeline.tables]]
  source = "d"
  indexes.dotted.kind = "vector"
  indexes.dotted.column = "x"
  indexes.dotted.model = "old"

[embedding.old]
endpoint = "http://127.0.0.1/"
zone = "local:device"
dim = 8

[embedding."new/model"]
endpoint = "http://127.0.0.1/"
zone = "local:device"
dim = 16
`;

const name = (table: string, index: string) => ({ table: table as TableName, index });
const NEW = { model: 'new/model', dims: 16 };

function changedLines(after: string): readonly string[] {
  const before = new Set(MANIFEST.split('\n'));
  return after.split('\n').filter((line) => !before.has(line));
}

async function edit(...indexes: Parameters<typeof withIndexModel>[1]): Promise<string> {
  const [file, ...more] = await withIndexModel([{ file: 'hakiri.toml', text: MANIFEST }], indexes, NEW);
  assert.deepEqual(more, []);
  return file?.text ?? '';
}

test('an index on one line gets another model, and its dim where it has one', async () => {
  const after = await edit(name('one', 'near'));
  assert.deepEqual(changedLines(after), [
    '  indexes.near = { kind = "vector", column = "b", model = "new/model", dim = 16 } # near',
  ]);
});

test('an index with a section of its own gets another model where its old one stands', async () => {
  const after = await edit(name('file_c', 'near'));
  assert.deepEqual(changedLines(after), ['  model = "new/model" # m']);
  assert.equal(after.length, MANIFEST.length + 'new/model'.length - 'old'.length);
});

test('an index that leaves its model out gets a line for it', async () => {
  const after = await edit(name('file_c', 'plain'));
  assert.deepEqual(changedLines(after), ['    model = "new/model"']);
  assert.match(after, /indexes\.plain\] {2}# defaults\n {4}model = "new\/model"\n {4}kind/);
});

test('several indexes are changed at once, all else stays as it is', async () => {
  const after = await edit(
    name('one', 'near'),
    name('file_c', 'near'),
    name('file_c', 'plain'),
    name('file_d', 'dotted'),
  );
  assert.equal(changedLines(after).length, 4, after);
  const models = readManifest([{ file: 'hakiri.toml', text: after }]).pipelines.flatMap(({ tables }) =>
    tables?.flatMap(({ indexes }) => indexes.map((index) => (index.kind === 'vector' ? index.model : ''))),
  );
  assert.deepEqual(models, ['', 'new/model', 'new/model', 'new/model', 'new/model']);
});

test('a manifest in JSON is changed, too, and files without the index are left alone', async () => {
  const json = toJson({
    pipeline: [
      {
        id: 'y',
        source: { connector: 'file' },
        tables: [
          'b',
          { source: 'a', name: 'one', indexes: { near: { kind: 'vector', column: 'b', model: 'old' } } },
        ],
      },
    ],
  });
  const files = [
    { file: 'hakiri.toml', text: '[project]\nname = "demo"\n' },
    { file: 'pipelines/y.json', text: json },
  ];
  assert.deepEqual(await withIndexModel(files, [name('one', 'near')], NEW), [
    { file: 'pipelines/y.json', text: json.replace('"old"', '"new/model"') },
  ]);
  assert.deepEqual(await withIndexModel(files, [name('one', 'far')], NEW), []);
});

test('a manifest that names the model already is not changed', async () => {
  const already = await withIndexModel([{ file: 'hakiri.toml', text: MANIFEST }], [name('one', 'near')], {
    model: 'old',
    dims: 8,
  });
  assert.deepEqual(already, []);
});

test('what looks like a section in a text is not taken for one', async () => {
  const text = `[project]
name = "demo"
[[pipeline]]
id = "x"
source = { connector = "file" }
[[pipeline.tables]]
source = "a"
agent_description = """
[pipeline.tables.indexes.near]
model = "old"
"""
[pipeline.tables.indexes.near]
kind = "vector"
column = "a"
model = 'old'
`;
  const [file] = await withIndexModel([{ file: 'hakiri.toml', text }], [name('file_a', 'near')], NEW);
  assert.equal(file?.text, text.replace("model = 'old'", 'model = "new/model"'));
});
