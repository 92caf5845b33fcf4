import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type AuditEvent, type Grant, OWNER_GRANT } from '@hakiri/core';
import { nodeFiles } from '@hakiri/store';
import { projectAudit } from '../src/project-audit.ts';
import { systemClock } from '../src/system-clock.ts';
import { hakiri, projectFolder } from './support/harness.ts';

const NODE = '01JABCDEFGHJKMNPQRSTVWXYZ1';
const SEED = '7'.repeat(64);

const SUB_AGENT: Grant = {
  ...OWNER_GRANT,
  principal: {
    agent: 'lead',
    host: 'desk',
    onBehalfOf: 'ada',
    delegates: [{ agent: 'planner', task: 'weekly report' }, { agent: 'reader' }],
  },
  via: 'mcp',
};

const read = (keys: readonly number[], grant: Grant): AuditEvent => ({
  action: 'get',
  grant,
  outcome: 'granted',
  rows: keys.length,
  reads: [{ table: 'orders', how: 'returned', keys: keys.map((key) => [key]) }],
});

/** A project in which a sub-agent was given rows 1 and 2 and the owner counted all. */
async function audited(t: TestContext, { signed = false } = {}) {
  const cwd = projectFolder(t);
  const root = join(cwd, '.hakiri');
  await nodeFiles.makeFolder(join(root, 'keys'));
  if (signed) writeFileSync(join(root, 'keys', 'signing.key'), `${SEED}\n`);
  const audit = projectAudit(root, {
    files: nodeFiles,
    clock: systemClock,
    nodeId: async () => NODE as never,
  });
  await audit.log.record(read([1, 2], SUB_AGENT));
  await audit.log.record({
    ...read([], OWNER_GRANT),
    action: 'query',
    reads: [{ table: 'orders', how: 'counted', snapshot: 's1', predicate: 'total > 5' }],
  });
  await audit.log.record({ ...read([], SUB_AGENT), outcome: 'refused', code: 'access.denied', reads: [] });
  t.after(() => audit.log.close());
  return { world: { cwd, project: { audit } }, audit, log: join(root, 'audit', NODE) };
}

const today = (): string => `${new Date().toISOString().slice(0, 10)}.jsonl`;

test('who-read names the agent, its host, for whom it acted, and all it was passed on to', async (t) => {
  const { world } = await audited(t);
  const { stdout, code } = await hakiri(world, 'audit', 'who-read', '--table', 'orders', '--key', '2');
  assert.equal(code, 0);
  const [given = '', counted = ''] = stdout.split('\n\n');
  assert.match(given, /^Was given the row\n.*\n.*\nlead +desk +ada +planner \(weekly report\) > reader +1 /);
  assert.match(counted, /counted in\n.*\n.*\nowner +1 /);
  assert.ok(!given.includes('owner'));
  const other = await hakiri(
    world,
    'audit',
    'who-read',
    '--table',
    'orders',
    '--key',
    '3',
    '--since',
    '1h',
    '--json',
  );
  const { returned, counted: perhaps } = JSON.parse(other.stdout);
  assert.equal(returned.requests, 0);
  assert.equal(perhaps.records[0].record.reads[0].predicate, 'total > 5');
});

test('a key is a JSON value or a text, and of several columns an array', async (t) => {
  const { world, audit } = await audited(t);
  await audit.log.record({
    ...read([], OWNER_GRANT),
    reads: [{ table: 'visits', how: 'returned', keys: [['eu', 7], ['[1]']] }],
  });
  for (const key of ['["eu", 7]', '["eu", "7"]', '[1]', '"[1]"']) {
    const { stdout } = await hakiri(world, 'audit', 'who-read', '--table', 'visits', '--key', key, '--json');
    assert.equal(JSON.parse(stdout).returned.requests, 1, key);
  }
});

test('tail shows the newest records, and by-agent counts them', async (t) => {
  const { world } = await audited(t);
  const tail = await hakiri(world, 'audit', 'tail', '-n', '2');
  assert.match(tail.stdout, /query +granted +0 +orders\n.*get +access\.denied/);
  assert.equal(tail.stdout.trimEnd().split('\n').length, 4);
  const { stdout } = await hakiri(world, 'audit', 'by-agent', '--since', '1h', '--json');
  assert.deepEqual(
    JSON.parse(stdout).agents.map(({ agent, requests, refused }: Record<string, unknown>) => [
      agent,
      requests,
      refused,
    ]),
    [
      ['lead', 2, 1],
      ['owner', 1, 0],
    ],
  );
});

test('verify ends with 1 and says where, once a record was changed', async (t) => {
  const { world, audit, log } = await audited(t);
  await audit.log.close();
  const good = await hakiri(world, 'audit', 'verify');
  assert.deepEqual([good.code, good.stderr], [0, '']);
  assert.match(good.stdout, /: 3 records \(1 to 3\), 1 checkpoint\n$/);
  const path = join(log, today());
  writeFileSync(
    path,
    readFileSync(path, 'utf8').replace('"predicate":"total > 5"', '"predicate":"total > 6"'),
  );
  const bad = await hakiri(world, 'audit', 'verify', '--json');
  assert.equal(bad.code, 1);
  const { ok, findings } = JSON.parse(bad.stdout);
  assert.deepEqual([ok, findings[0].kind, findings[0].line], [false, 'changed', 2]);
  assert.equal(JSON.parse(bad.stderr).error.code, 'audit.broken');
});

test('an export proves itself without the project, to whoever knows its public key', async (t) => {
  const { world, audit } = await audited(t, { signed: true });
  const file = join(world.cwd, 'audit.jsonl');
  const exported = await hakiri(world, 'audit', 'export', '--to', file);
  assert.equal(exported.code, 0);
  await audit.log.close();
  const elsewhere = { cwd: '/' };
  const { stdout, code } = await hakiri(elsewhere, 'audit', 'verify', '--file', file);
  assert.equal(code, 0);
  const key = /ed25519\/[0-9a-f]{64}/.exec(stdout)?.[0] ?? '';
  assert.match(stdout, /4 records \(1 to 4\), 1 checkpoint, signed up to record 4/);
  assert.equal((await hakiri(elsewhere, 'audit', 'verify', '--file', file, '--public-key', key)).code, 0);
  const other = `ed25519/${'0'.repeat(64)}`;
  assert.equal((await hakiri(elsewhere, 'audit', 'verify', '--file', file, '--public-key', other)).code, 1);
  const text = readFileSync(file, 'utf8');
  const lines = text.split('\n');
  const changes: Readonly<Record<string, string>> = {
    'a value': text.replace('"agent":"lead"', '"agent":"dear"'),
    'a record': lines.toSpliced(3, 1).join('\n'),
    'the end': lines.slice(0, -2).join('\n'),
    'the last records': [...lines.slice(0, 4), '{"end":1}', ''].join('\n'),
    'its checkpoint': lines.toSpliced(2, 1, lines[2]?.replace(/"seq":\d/, '"seq":2') ?? '').join('\n'),
  };
  for (const [what, changed] of Object.entries(changes)) {
    assert.notEqual(changed, text, what);
    writeFileSync(file, changed);
    const found = await hakiri(elsewhere, 'audit', 'verify', '--file', file);
    assert.equal(found.code, 1, what);
    assert.match(found.stderr, /^error\[audit\.broken]/m);
  }
  writeFileSync(file, 'something else\n');
  assert.equal((await hakiri(elsewhere, 'audit', 'verify', '--file', file)).code, 2);
});

test('where nothing was recorded, there is nothing to show', async (t) => {
  const cwd = projectFolder(t);
  for (const command of [['tail'], ['by-agent'], ['verify']]) {
    const { code, stderr, stdout } = await hakiri({ cwd }, 'audit', ...command);
    assert.deepEqual([code, stdout], [0, '']);
    assert.match(stderr, /no audit record/);
  }
  const { stdout } = await hakiri({ cwd }, 'audit', 'who-read', '--table', 't', '--key', '1');
  assert.match(stdout, /^Nobody was given the row/);
});
