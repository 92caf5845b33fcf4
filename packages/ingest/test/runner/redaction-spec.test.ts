import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHakiriError, type Manifest, type RedactionSpec, type TableName } from '@hakiri/core';
import { readManifest } from '@hakiri/core/manifest';
import { redactionSpec } from '../../src/runner/redaction-spec.ts';

const BASE = '[project]\nname = "demo"\n';

function manifestOf(...tables: readonly string[]): Manifest {
  const pipelines = tables.map(
    (table, i) =>
      `[[pipeline]]\nid = "p${i}"\nsource = { connector = "file", config = { path = "x.ndjson" } }\n[[pipeline.tables]]\nsource = "s${i}"\nname = "t"\n${table}\n`,
  );
  return readManifest([{ file: 'hakiri.toml', text: `${BASE}${pipelines.join('')}` }]);
}

function specOf(manifest: Manifest, index = 0): RedactionSpec | undefined {
  const table = manifest.pipelines[index]?.tables?.[0];
  return redactionSpec(manifest, {
    name: 't' as TableName,
    mode: 'merge',
    primaryKey: ['id'],
    incremental: undefined,
    partitioning: undefined,
    subjectColumns: [],
    unknownColumns: table?.unknownColumns ?? 'add',
  });
}

test('a table without sensitive columns has nothing to redact', () => {
  assert.equal(specOf(manifestOf('columns.email = { type = "string" }')), undefined);
});

test('it is redacted whichever of the pipelines of a table says so', () => {
  const manifest = manifestOf(
    'columns.email = { on_write = "redact", pii_type = "email" }',
    'columns.email = { agent_hint = "An address." }\nindexes.words = { kind = "fts", column = "body" }',
    '',
  );
  for (const index of [0, 1, 2]) {
    const spec = specOf(manifest, index);
    assert.deepEqual(spec?.columns, [{ path: 'email', action: 'redact', piiType: 'email' }]);
    assert.equal(spec.unknown, 'redact');
    assert.deepEqual(spec.named.toSorted(), ['body', 'email', 'id']);
  }
});

test('a kind of personal value alone makes keys that nobody named suspect', () => {
  assert.deepEqual(specOf(manifestOf('columns.email = { pii_type = "email" }'))?.unknown, 'redact');
  assert.equal(
    specOf(manifestOf('unknown_columns = "add"\ncolumns.email = { pii_type = "email" }')),
    undefined,
  );
});

test('what is dropped anyway does not reach a spool in clear', () => {
  const spec = specOf(manifestOf('unknown_columns = "drop"\ncolumns.email = { on_write = "hash" }'));
  assert.equal(spec?.unknown, 'redact');
});

test('a key that would tell no rows apart is refused', () => {
  for (const action of ['mask', 'redact', 'deny']) {
    assert.throws(
      () => specOf(manifestOf(`columns.id = { on_write = "${action}" }`)),
      (error) =>
        isHakiriError(error) && error.code === 'manifest.wrong_type' && error.message.includes(action),
    );
  }
  assert.ok(specOf(manifestOf('columns.id = { on_write = "hash" }')));
});

test('a column that a transform makes is refused, and the one it comes from is named', () => {
  const manifest = manifestOf('columns.email = { on_write = "hash" }');
  const transforms = [
    {
      table: 't' as TableName,
      steps: [{ verb: 'rename' as const, columns: [{ from: 'mail', to: 'email' }] }],
    },
  ];
  assert.throws(
    () => specOf({ ...manifest, transforms }),
    (error) => isHakiriError(error) && error.hint.includes('mail'),
  );
});
