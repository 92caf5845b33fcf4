import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Citation, QueryRequest } from '@hakiri/core';
import { answer, hakiri, projectFolder, serveWith, table } from './support/harness.ts';

const CITATION: Citation = {
  table: 'notes',
  key: [7],
  run: '01JABCDEFGHJKMNPQRSTVW1001',
  connector: 'file',
  author: 'hakiri',
  sourceTime: '2026-01-01T00:00:00Z',
  address: 'hakiri://demo/tables/notes/rows/%5B7%5D',
};

test('a search is one in a table, with SQL a relation of it', async (t) => {
  const requests: QueryRequest[] = [];
  const world = { cwd: projectFolder(t), project: serveWith({ tables: [table('notes')] }, requests) };
  const asked = async (...argv: readonly string[]) => {
    const { code, stderr } = await hakiri(world, 'query', ...argv);
    assert.equal(code, 0, stderr);
  };
  await asked('--search', 'a cat', '--in', 'notes', '-k', '5', '--mode', 'keyword', '--filter', 'id > 3');
  await asked('--search', 'a cat', '--table', 'notes', '--select', 'id,_score', '--index', 'fts', '--cite');
  await asked('--search', 'a cat', '--in', 'notes', '--filter', 'id > 3', 'from hits', '--explain');
  assert.deepEqual(requests, [
    { table: 'notes', filter: 'id > 3', search: { text: 'a cat', mode: 'keyword', k: 5 }, once: true },
    {
      table: 'notes',
      select: ['id', '_score'],
      search: { text: 'a cat', indexes: ['fts'] },
      once: true,
      cite: true,
    },
    {
      sql: 'from hits',
      search: { hits: { table: 'notes', text: 'a cat', filter: 'id > 3' } },
      once: true,
      explain: true,
    },
  ]);
});

test('what does not go together is refused', async (t) => {
  const world = { cwd: projectFolder(t), project: serveWith({ tables: [table('notes')] }) };
  for (const argv of [
    ['--search', 'x'],
    ['--search', 'x', 'select 1'],
    ['--search', 'x', '--in', 'notes', '--table', 'notes'],
    ['--table', 'notes', '--mode', 'vector'],
    ['--search', 'x', '--in', 'notes', 'from hits', '--select', 'id'],
    ['--cite', '--format', 'csv', 'select 1'],
    ['--explain', '--format', 'ndjson', 'select 1'],
  ]) {
    const { code, stderr } = await hakiri(world, 'query', ...argv);
    assert.equal(code, 2, argv.join(' '));
    assert.match(stderr, /usage\.argument/);
  }
});

test('sources and plan stand below the rows, and beside them in JSON', async (t) => {
  const found = answer(['id BIGINT'], [[7], [8]], {
    citations: { kind: 'rows', rows: [[CITATION], []] },
    plan: {
      step: 'rows',
      rows: 2,
      elapsedMs: 3,
      steps: [{ step: 'read', detail: 'notes', estimatedRows: 1200 }],
    },
  });
  const world = { cwd: projectFolder(t), project: serveWith({ answer: found }) };
  const { stdout } = await hakiri(world, 'query', 'from notes', '--cite', '--explain');
  assert.deepEqual(stdout.split('\n'), [
    'id',
    '--',
    ' 7',
    ' 8',
    '',
    'Sources',
    '    1  hakiri://demo/tables/notes/rows/%5B7%5D  2026-01-01T00:00:00Z',
    '',
    'Plan',
    '  rows  2 rows  3 ms',
    '    read  notes  estimated 1,200',
    '',
  ]);
  const json = await hakiri(world, 'query', 'from notes', '--cite', '--explain', '--json');
  const { citations, plan } = JSON.parse(json.stdout);
  assert.equal(citations[0][0].source_time, '2026-01-01T00:00:00Z');
  assert.deepEqual(citations[1], []);
  assert.deepEqual(plan.steps, [{ step: 'read', detail: 'notes', estimated_rows: 1200 }]);
});
