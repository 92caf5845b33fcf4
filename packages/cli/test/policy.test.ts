import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { issueToken, signingKeyOf } from '@hakiri/access/token';
import { type CatalogTable, HakiriError, type Right } from '@hakiri/core';
import { readManifest } from '@hakiri/core/manifest';
import { hakiri, projectFolder } from './support/harness.ts';

const KEY = signingKeyOf(randomBytes(32));

const MANIFEST = `
[project]
name = "demo"
public_keys = ["${KEY.publicKey}"]

[[pipeline]]
id = "shop"
source = { connector = "file" }

  [[pipeline.tables]]
  source = "customers"
  name = "customers"
  primary_key = ["id"]
  columns.email = { pii_type = "email" }

[[policy]]
table = "customers"
rows = "region = 'EU'"
columns = { email = "mask", gone = "deny" }
`;

const TABLE = {
  name: 'customers',
  schema: {
    columns: [
      { name: 'id', type: { kind: 'int64' } },
      { name: 'email', type: { kind: 'string' } },
      { name: 'region', type: { kind: 'string' } },
    ],
  },
} as unknown as CatalogTable;

function world(t: TestContext, { more = '', stored = [TABLE] as CatalogTable[] | undefined } = {}) {
  const manifest = readManifest([{ file: 'hakiri.toml', text: MANIFEST + more }]);
  const storedTables = async (): Promise<CatalogTable[]> => {
    if (stored !== undefined) return stored;
    throw new HakiriError('store.not_found', 'nothing there');
  };
  return { cwd: projectFolder(t), project: { manifest, storedTables } };
}

const token = (rights: readonly Right[]): string => issueToken({ agent: 'support', rights }, KEY).token;

test('the owner is told what the manifest leaves, and by which rule', async (t) => {
  const { code, stdout } = await hakiri(world(t), 'policy', 'explain', '--table', 'customers');
  assert.equal(code, 0);
  assert.equal(
    stdout,
    `owner, in local:device

customers
  rights     read, search, aggregate, write
  rows       region = 'EU'  (manifest: rows = "region = 'EU'")
  no column  gone  (manifest: columns.gone = "deny")

column  type    served  because
------  ------  ------  --------------------------------
id      int64   clear
email   string  masked  manifest: columns.email = "mask"
region  string  clear
`,
  );
});

test('the holder of a token is told by what it holds: from a file, from standard input or from HAKIRI_TOKEN', async (t) => {
  const held = token([{ table: 'customers', action: 'aggregate' }]);
  const made = world(t);
  writeFileSync(join(made.cwd, 'a.token'), `${held}\n`);
  const ask = ['policy', 'explain', '--table', 'customers', '--json'];
  const answers = [
    await hakiri(made, ...ask, '--token-file', 'a.token'),
    await hakiri({ ...made, stdin: held }, ...ask, '--token-file', '-'),
    await hakiri({ ...made, env: { HAKIRI_TOKEN: held } }, ...ask),
  ];
  for (const { code, stdout } of answers) {
    assert.equal(code, 0);
    const { caller, tables } = JSON.parse(stdout);
    assert.deepEqual(caller, { agent: 'support', zone: null, as_owner: false, refused_by_zones: null });
    assert.deepEqual([tables[0].rights, tables[0].min_group], [['aggregate'], 5]);
  }
});

test('what a token has no right on is hidden from its holder; a token of another project is refused', async (t) => {
  const made = world(t);
  const held = token([{ table: 'others', action: 'read' }]);
  const { stdout } = await hakiri({ ...made, env: { HAKIRI_TOKEN: held } }, 'policy', 'explain');
  assert.match(stdout, /customers\n {2}hidden {5}no right on the table\n/);
  const { token: foreign } = issueToken(
    { agent: 'support', rights: [{ table: '*', action: 'read' }] },
    signingKeyOf(randomBytes(32)),
  );
  const refused = await hakiri({ ...made, env: { HAKIRI_TOKEN: foreign } }, 'policy', 'explain');
  assert.deepEqual([refused.code, refused.stdout], [3, '']);
  assert.match(refused.stderr, /token\.invalid/);
});

test('a table nobody has heard of is said to be unknown, with what there is', async (t) => {
  const { code, stderr } = await hakiri(world(t), 'policy', 'explain', '--table', 'customer');
  assert.equal(code, 2);
  assert.match(stderr, /Did you mean customers\?/);
});

const EXPECTED = `
[[policy_test]]
name = "support sees addresses masked"
table = "customers"
as = { agent = "support", actions = ["read"], columns = ["id", "email"] }
sees = ["id", "email"]
hides = ["region"]
columns = { email = "mask", id = "clear" }
all_rows = false
min_group = 0

[[policy_test]]
name = "others see nothing"
table = "customers"
as = { tables = ["orders"] }
hidden = true
`;

const WRONG = `
[[policy_test]]
name = "the owner sees all"
table = "customers"
sees = ["id", "nope"]
hides = ["email"]
columns = { email = "clear" }
all_rows = true
min_group = 5
`;

test('expectations that hold are listed, before anything was pulled as well', async (t) => {
  for (const stored of [[TABLE], undefined]) {
    const { code, stdout } = await hakiri(world(t, { more: EXPECTED, stored }), 'policy', 'test');
    assert.equal(
      stdout,
      'ok    customers: support sees addresses masked\nok    customers: others see nothing\n',
    );
    assert.equal(code, 0);
  }
});

test('an expectation that does not hold fails, and says what is the case', async (t) => {
  const { code, stdout, stderr } = await hakiri(world(t, { more: EXPECTED + WRONG }), 'policy', 'test');
  assert.equal(code, 1);
  assert.match(stderr, /policy\.unexpected.*1 expectation of 3 failed/);
  assert.match(
    stdout,
    /FAIL {2}customers: the owner sees all\n {6}there is no column "nope"\n {6}"email" is served\n {6}"email" is masked, not clear\n {6}a filter holds rows back\n {6}rows are served\n/,
  );
  const json = await hakiri(world(t, { more: WRONG }), 'policy', 'test', '--json');
  assert.deepEqual([json.code, JSON.parse(json.stdout).failed], [1, 1]);
});
