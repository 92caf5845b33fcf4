import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { AuditEvent } from '@hakiri/core';
import { nodeFiles } from '../../../store/src/disk/node-files.ts';
import { verifyAudit } from '../../src/audit/index.ts';
import { auditFolder, KEYS, LEAD, NODE, OTHER_KEYS, openTestAudit, returned, testClock } from './support.ts';

const lines = (path: string): readonly string[] => readFileSync(path, 'utf8').split('\n').slice(0, -1);
const records = (path: string) => lines(path).map((line) => JSON.parse(line));
const DAY = '2026-11-20.jsonl';

test('a record tells who asked for what, and no key or token in clear', async (t) => {
  const { folder, node } = auditFolder(t);
  const log = openTestAudit(folder);
  const predicate = "region = 'EU'";
  const reads = [
    { table: 'customers', how: 'returned', columns: ['email'], keys: [['ada@example.org'], [4711]] },
    { table: 'orders', how: 'counted', snapshot: 's1', predicate },
  ] as const;
  const event: AuditEvent = {
    action: 'query',
    grant: LEAD,
    outcome: 'granted',
    rows: 2,
    planHash: 'p',
    reads,
  };
  await log.record(event);
  await log.close();
  const [text = ''] = lines(join(node, DAY));
  assert.ok(!text.includes('ada@example.org') && !text.includes('4711'));
  const { prev, hash, mac, at, reads: told, ...rest } = JSON.parse(text);
  assert.equal(prev, '0'.repeat(64));
  assert.equal(hash.length + mac.length, 96);
  assert.match(at, /^2026-11-20T10:00:00/);
  assert.deepEqual(rest, {
    v: 1,
    seq: 1,
    action: 'query',
    outcome: 'granted',
    agent: 'planner',
    host: 'desk',
    on_behalf_of: 'ada',
    task: 'weekly report',
    delegates: LEAD.principal.delegates,
    tokens: LEAD.tokenIds,
    grant: 'grant-of-planner',
    zone: 'local:device',
    via: 'mcp',
    rows: 2,
    plan: 'p',
  });
  assert.deepEqual(told[0].keys, [
    KEYS.keyDigest('customers', ['ada@example.org']),
    KEYS.keyDigest('customers', ['4711']),
  ]);
  assert.deepEqual(told[1], { table: 'orders', how: 'counted', snapshot: 's1', predicate });
});

test('the digest of a key is of its table and of the project', () => {
  const digest = KEYS.keyDigest('a', ['x', 1]);
  assert.equal(digest, KEYS.keyDigest('a', ['x', '1']));
  assert.notEqual(digest, KEYS.keyDigest('b', ['x', 1]));
  assert.notEqual(digest, KEYS.keyDigest('a', ['x1']));
  assert.notEqual(digest, OTHER_KEYS.keyDigest('a', ['x', 1]));
  assert.equal(KEYS.keyDigest('a', ['é'.repeat(5000)]).length, 22);
});

test('records chain over days, restarts and a clock that is set back', async (t) => {
  const { folder, node } = auditFolder(t);
  const clock = testClock();
  const log = openTestAudit(folder, { clock });
  await log.record(returned('t', [1]));
  clock.set('2026-11-22T00:00:00.000Z');
  await log.record(returned('t', [2]));
  await log.close();
  const again = openTestAudit(folder, { clock: testClock('2026-11-19T00:00:00.000Z') });
  await again.record(returned('t', [3]));
  await again.close();
  const [first] = records(join(node, DAY));
  const [second, third] = records(join(node, '2026-11-22.jsonl'));
  assert.deepEqual([first.seq, second.seq, third.seq], [1, 2, 3]);
  assert.deepEqual([second.prev, third.prev], [first.hash, second.hash]);
  assert.match(third.at, /^2026-11-19/);
  assert.deepEqual(verifyAudit(folder, { keys: KEYS }).findings, []);
});

test('records that wait share a flush, and none resolves before it', async (t) => {
  const { folder } = auditFolder(t);
  let flushes = 0;
  let flushed = 0;
  const log = openTestAudit(folder, {
    files: {
      ...nodeFiles,
      async append(path) {
        const file = await nodeFiles.append(path);
        let written = 0;
        return {
          ...file,
          get sizeBytes() {
            return file.sizeBytes;
          },
          write: async (bytes) => {
            written += Buffer.from(bytes).toString().split('\n').length - 1;
            await file.write(bytes);
          },
          sync: async () => {
            await file.sync();
            flushes++;
            flushed += written;
            written = 0;
          },
        };
      },
    },
  });
  let resolved = 0;
  const record = async (): Promise<void> => {
    await log.record(returned('t', [1]));
    resolved++;
    assert.ok(resolved <= flushed);
  };
  await Promise.all(Array.from({ length: 32 }, record));
  assert.equal(flushes, 1);
  await Promise.all(Array.from({ length: 32 }, record));
  assert.equal(flushes, 2);
  await log.close();
});

test('several processes of a node write one chain', async (t) => {
  const { folder } = auditFolder(t);
  const program = join(import.meta.dirname, 'audit-child.ts');
  const children = [1, 2].map(() => spawn(process.execPath, [program, folder, '300'], { stdio: 'inherit' }));
  const mine = openTestAudit(folder);
  const other = openTestAudit(folder);
  const many = async (log: typeof mine): Promise<void> => {
    for (let i = 0; i < 100; i++) await log.record(returned('t', [i]));
  };
  await Promise.all([many(mine), many(other), ...children.map((child) => once(child, 'exit'))]);
  await mine.close();
  await other.close();
  assert.deepEqual(
    children.map(({ exitCode }) => exitCode),
    [0, 0],
  );
  const { nodes, findings, notes } = verifyAudit(folder, { keys: KEYS });
  assert.deepEqual([findings, notes], [[], []]);
  assert.equal(nodes[0]?.records, 800);
});

test('a process that is killed leaves a log that the next one goes on with', async (t) => {
  const { folder } = auditFolder(t);
  const program = join(import.meta.dirname, 'audit-child.ts');
  const child = spawn(process.execPath, [program, folder, '1000000'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  const log = openTestAudit(folder);
  await log.record(returned('t', [1]));
  await log.close();
  assert.deepEqual(verifyAudit(folder, { keys: KEYS }).findings, []);
});

test('a line that was not finished is cut off, and the cut is recorded', async (t) => {
  const { folder, node } = auditFolder(t);
  const log = openTestAudit(folder);
  await log.record(returned('t', [1]));
  await log.close();
  appendFileSync(join(node, DAY), '{"v":1,"seq":2,');
  const { findings, notes } = verifyAudit(folder, { keys: KEYS });
  assert.deepEqual(findings, []);
  assert.match(notes[0] ?? '', /15 bytes/);
  const next = openTestAudit(folder);
  await next.record(returned('t', [2]));
  await next.close();
  const [, told, last] = records(join(node, DAY));
  assert.deepEqual(
    [told.action, told.reason, told.cut_bytes, last.seq],
    ['log_recovered', 'torn_write', 15, 3],
  );
  assert.deepEqual(verifyAudit(folder, { keys: KEYS }).findings, []);
});

test('lines that somebody put behind the last record do not become records, and are kept', async (t) => {
  const { folder, node } = auditFolder(t);
  const log = openTestAudit(folder);
  await log.record(returned('t', [1]));
  await log.close();
  const forged = openTestAudit(join(folder, '..', 'elsewhere'), { keys: OTHER_KEYS });
  await forged.record(returned('t', [8]));
  await forged.record(returned('t', [9]));
  await forged.close();
  const [, line = ''] = lines(join(folder, '..', 'elsewhere', NODE, DAY));
  appendFileSync(join(node, DAY), `${line}\n`);
  const next = openTestAudit(folder);
  await next.record(returned('t', [2]));
  await next.close();
  assert.equal(records(join(node, DAY)).length, 3);
  assert.equal(readFileSync(join(node, `${DAY}.cut-1`), 'utf8'), `${line}\n`);
});

test('a head that is lost, or left behind by a power cut, is told from the log', async (t) => {
  const { folder, node } = auditFolder(t);
  const log = openTestAudit(folder);
  await log.record(returned('t', [1]));
  await log.close();
  const behind = readFileSync(join(node, 'head'));
  const more = openTestAudit(folder);
  await more.record(returned('t', [2]));
  await more.close();
  for (const damage of [() => writeFileSync(join(node, 'head'), behind), () => rmSync(join(node, 'head'))]) {
    damage();
    const next = openTestAudit(folder);
    await next.record(returned('t', [3]));
    await next.close();
    assert.deepEqual(verifyAudit(folder, { keys: KEYS }).findings, []);
  }
  const told = records(join(node, DAY)).flatMap(({ reason, adopted }) => (reason ? [[reason, adopted]] : []));
  assert.deepEqual(told, [
    ['head_behind', 1],
    ['head_missing', 0],
  ]);
});

test('a log that was cut goes on behind the gap, which stays to be seen', async (t) => {
  const { folder, node } = auditFolder(t);
  const log = openTestAudit(folder);
  for (let i = 0; i < 5; i++) await log.record(returned('t', [i]));
  await log.close();
  const text = readFileSync(join(node, DAY), 'utf8');
  const third = text.split('\n').slice(0, 3).join('\n').length;
  for (const cutAt of [third + 1, third - 10]) {
    writeFileSync(join(node, DAY), text.slice(0, cutAt));
    const next = openTestAudit(folder);
    await next.record(returned('t', [9]));
    await next.close();
    const { findings } = verifyAudit(folder, { keys: KEYS });
    assert.equal(findings[0]?.line, cutAt > third ? 4 : 3);
  }
  assert.equal(JSON.parse(lines(join(node, DAY)).at(-1) ?? '').action, 'query');
});

test('checkpoints are made at the end, and after so many records', async (t) => {
  const { folder, node } = auditFolder(t);
  const log = openTestAudit(folder, { checkpointEvery: { records: 10, ms: 1e9 } });
  for (let i = 0; i < 25; i++) await log.record(returned('t', [i]));
  await log.close();
  assert.deepEqual(
    records(join(node, 'checkpoints.jsonl')).map(({ seq, after }) => [seq, after]),
    [
      [10, 0],
      [20, 10],
      [25, 20],
    ],
  );
});

test('nothing is made before the first record', async (t) => {
  const { folder } = auditFolder(t);
  const log = openTestAudit(folder);
  await log.close();
  assert.equal(existsSync(folder), false);
  await assert.rejects(log.record(returned('t', [1])), { code: 'audit.unavailable' });
});

test('the log is for its owner only', async (t) => {
  const { folder, node } = auditFolder(t);
  const log = openTestAudit(folder);
  await log.record(returned('t', [1]));
  await log.close();
  assert.equal(statSync(node).mode & 0o777, 0o700);
  assert.deepEqual(readdirSync(folder), [NODE]);
});
