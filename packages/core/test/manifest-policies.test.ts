import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Manifest, type TableName, tableZones } from '@hakiri/core';
import { readManifest } from '@hakiri/core/manifest';

const PROJECT = '[project]\nname = "x"\n';
const PIPELINE = '[[pipeline]]\nid = "a"\nsource = { connector = "file" }\n';

function read(text: string, head = PROJECT): Manifest {
  return readManifest([{ file: 'hakiri.toml', text: head + text }]);
}

function refuses(text: string, code: string, message: RegExp): void {
  assert.throws(() => read(text), { code, message }, text);
}

const table = (more: string, name = 't') =>
  `[[pipeline.tables]]\nsource = "${name}"\nname = "${name}"\n${more}\n`;

const columnOf = (manifest: Manifest, name: string, pipeline = 0) =>
  manifest.pipelines[pipeline]?.tables?.[0]?.columns.find((column) => column.name === name);

describe('policies', () => {
  test('several of one table stay apart, wherever they are written', () => {
    const { policies } = readManifest([
      { file: 'hakiri.toml', text: `${PROJECT}[[policy]]\ntable = "t"\nrows = "a = 1"\n` },
      {
        file: 'pipelines/b.toml',
        text: '[[policy]]\ntable = "t"\ncolumns."user.login" = "hash"\nmin_group = 5\n',
      },
    ]);
    assert.deepEqual(policies, [
      { table: 't', rows: 'a = 1', columns: [], minGroup: undefined },
      { table: 't', rows: undefined, columns: [{ name: 'user.login', action: 'hash' }], minGroup: 5 },
    ]);
  });

  test('what cannot be read as a policy is refused with its place', () => {
    const wrong: readonly (readonly [string, RegExp])[] = [
      ['rows = "a ="', /policy\[0\] > rows: expected a filter/],
      ['columns.email = "hide"', /policy\[0\] > columns > email: expected "deny" or "redact"/],
      ['columns.user.login = "hash"', /columns > user/],
      ['columns._hakiri_run = "deny"', /not starting with _hakiri_/],
      ['min_group = 0', /min_group: expected a whole number from 1/],
    ];
    for (const [line, message] of wrong)
      refuses(`[[policy]]\ntable = "t"\n${line}`, 'manifest.wrong_type', message);
    refuses('[[policy]]\ntable = "t"\nrow = "a = 1"', 'manifest.unknown_key', /did you mean "rows"/);
    refuses(
      '[[policy_test]]\nname = "x"\ntable = "t"\nas = { agnet = "x" }',
      'manifest.unknown_key',
      /did you mean "agent"/,
    );
  });

  test('a policy for a table that is spelled otherwise is refused; one for a table of memory, or of the past, is not', () => {
    const fed = PIPELINE + table('', 'customers');
    refuses(`${fed}[[policy]]\ntable = "customer"\n`, 'policy.invalid', /did you mean "customers"/);
    refuses(`${fed}[[policy_test]]\nname = "n"\ntable = "custommers"\n`, 'policy.invalid', /policy_test "n"/);
    for (const name of ['memory_notes', 'orders', 'customers']) {
      assert.equal(read(`${fed}[[policy]]\ntable = "${name}"\n`).policies.length, 1);
    }
    assert.equal(read(`${PIPELINE}[[policy]]\ntable = "file_x"\n`).policies.length, 1);
  });
});

describe('columns of persons', () => {
  test('a table with such a column makes columns of nulls of what nobody named, unless it says otherwise', () => {
    const unknown = (more: string) => read(PIPELINE + table(more)).pipelines[0]?.tables?.[0]?.unknownColumns;
    assert.equal(unknown('columns.email = { pii_type = "email" }'), 'redact');
    assert.equal(unknown('columns.email = { on_write = "hash" }'), 'redact');
    assert.equal(unknown('columns.email = { type = "string" }'), 'add');
    assert.equal(unknown('columns.email = { pii_type = "email" }\nunknown_columns = "add"'), 'add');
    assert.equal(unknown('unknown_columns = "redact"'), 'redact');
  });

  test('what one pipeline says of a column is done by all that feed the table', () => {
    const second = PIPELINE.replace('"a"', '"b"');
    const manifest = read(
      PIPELINE + table('columns.email = { pii_type = "email", on_write = "hash" }') + second + table(''),
    );
    const { piiType, onWrite } = columnOf(manifest, 'email', 1) ?? {};
    assert.deepEqual([piiType, onWrite], ['email', 'hash']);
    assert.equal(manifest.pipelines[1]?.tables?.[0]?.unknownColumns, 'redact');
    const other = table('columns.email = { on_write = "mask" }');
    refuses(
      PIPELINE + table('columns.email = { on_write = "hash" }') + second + other,
      'manifest.table_conflict',
      /on_write of column "email"/,
    );
  });

  test('the incremental column stays as it is, and so does what it lies in', () => {
    const wrong: readonly [string, string][] = [
      ['incremental = "at"', 'columns.at = { on_write = "hash" }'],
      ['incremental = "meta.at"', 'columns.meta = { on_write = "redact" }'],
      ['', 'incremental = "At"\ncolumns.at = { on_write = "mask" }'],
    ];
    for (const [ofPipeline, ofTable] of wrong) {
      refuses(
        `${PIPELINE}${ofPipeline}\n${table(ofTable)}`,
        'manifest.wrong_type',
        /on_write: the incremental column/,
      );
    }
    const beside = table('incremental = "meta.at"\ncolumns."meta.by" = { on_write = "hash" }');
    assert.equal(columnOf(read(PIPELINE + beside), 'meta.by')?.onWrite, 'hash');
  });

  test('a text may quote columns whose values can be found in it', () => {
    const people = table(
      'columns.email = { pii_type = "email" }\ncolumns.name = { pii_type = "name" }',
      'people',
    );
    const quoting = (target: string) =>
      PIPELINE + people + table(`columns.body = { contains = ["${target}"] }`);
    const manifest = read(PIPELINE + table('columns.body = { contains = ["people.email"] }') + people);
    assert.deepEqual(columnOf(manifest, 'body')?.contains, ['people.email']);
    refuses(quoting('people.mail'), 'policy.invalid', /no column "mail"; did you mean "email"/);
    refuses(quoting('persons.email'), 'policy.invalid', /no pipeline lists a table "persons"/);
    refuses(quoting('people.name'), 'policy.invalid', /found in texts: email, phone/);
    refuses(quoting('people'), 'manifest.wrong_type', /contains/);
  });

  test('health data is tagged by what it is, beside the tags it has', () => {
    const text = `${PIPELINE}inference_zone_allowed = ["local:*"]\n${table('columns.diagnosis = { pii_type = "phi", inference_zone_allowed = ["local:device"] }')}`;
    const zones = tableZones(read(text), 't' as TableName);
    assert.deepEqual(zones.column('diagnosis'), [['local:device'], ['local:*', 'on-prem:*']]);
    assert.deepEqual(zones.column('other'), []);
    const indexed = table(
      'columns.d = { pii_type = "phi" }\nindexes.v = { kind = "vector", column = "d", model = "m" }',
    );
    const model =
      '[embedding.m]\nendpoint = "https://example.com/v1/embeddings"\nzone = "public-cloud:x"\ndim = 8\n';
    refuses(PIPELINE + indexed + model, 'embedding.zone_refused', /"d"/);
  });
});

test('public keys are kept as they are written, and nothing else passes for one', () => {
  const key = `ed25519/${'0a'.repeat(32)}`;
  assert.deepEqual(read('', `${PROJECT}public_keys = ["${key}"]\n`).project.publicKeys, [key]);
  for (const wrong of ['ed25519/0a', key.toUpperCase(), `rsa/${'0a'.repeat(32)}`]) {
    assert.throws(() => read('', `${PROJECT}public_keys = ["${wrong}"]\n`), { code: 'manifest.wrong_type' });
  }
});
