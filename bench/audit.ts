import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AuditLog, auditKeys, openAudit, openAuditIndex, verifyAudit } from '@hakiri/access/audit';
import { type AuditEvent, type Clock, type Grant, OWNER_GRANT } from '@hakiri/core';
import { nodeFiles } from '@hakiri/store';
import { median } from './support/measure.ts';
import { type Bar, limitBar, ratioBar, type Scale } from './support/report.ts';

const NODE = '01JABCDEFGHJKMNPQRSTVWXYZ1';
const IN_FLIGHT = 32;
const ROWS = 20;
const KEYS = auditKeys(Buffer.alloc(32, 7));

const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms) => sleep(ms),
};

/** What a record costs before an answer leaves, and how soon one knows who read a row. */
export async function audit(scale: Scale): Promise<readonly Bar[]> {
  const root = mkdtempSync(join(tmpdir(), 'hakiri-bench-'));
  mkdirSync(join(root, '.hakiri'));
  try {
    const appended = await appending(root, scale === 'full' ? 20_000 : 4_000);
    const asked = await asking(root, scale === 'full' ? 10_000_000 : 2_000_000);
    return [...appended, ...asked];
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

const logIn = (root: string, name: string): AuditLog =>
  openAudit({ files: nodeFiles, clock, folder: join(root, '.hakiri', name), node: NODE, keys: KEYS });

async function appending(root: string, queries: number): Promise<readonly Bar[]> {
  const log = logIn(root, 'appended');
  await inFlight(log, 500, (n) => event(n, ROWS));
  const started = performance.now();
  await inFlight(log, queries, (n) => event(n, ROWS));
  const msAQuery = (performance.now() - started) / queries;
  const alone = await aloneMs(root, log, 1500);
  await log.close();
  return [
    limitBar(
      'audit',
      `ms a query in all, ${ROWS} rows each, ${IN_FLIGHT} in flight (one flush of this disk alone is the reference)`,
      msAQuery,
      0.3,
      alone.flushMs,
    ),
    ratioBar('audit', 'ms, a query alone, up to 20 rows, over one flush', alone.recordMs, alone.flushMs, 1.5),
  ];
}

/** Median of a record and of what the disk itself takes for as many bytes, in turns: others use the disk, too. */
async function aloneMs(root: string, log: AuditLog, rounds: number) {
  const path = join(root, 'flush');
  writeFileSync(path, '');
  const file = await open(path, 'a');
  const line = Buffer.alloc(700, 'x');
  const record: number[] = [];
  const flush: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const asked = event(i, i % (ROWS + 1));
    const start = performance.now();
    await log.record(asked);
    const between = performance.now();
    await file.write(line);
    await file.datasync();
    record.push(between - start);
    flush.push(performance.now() - between);
  }
  await file.close();
  return { recordMs: median(record), flushMs: median(flush) };
}

async function asking(root: string, rows: number): Promise<readonly Bar[]> {
  const folder = join(root, '.hakiri', 'asked');
  const log = logIn(root, 'asked');
  await inFlight(log, rows / ROWS, (n) => event(n * ROWS, ROWS), 1000);
  await log.close();
  const path = join(root, 'index.sqlite');
  const from = performance.now();
  const making = openAuditIndex(path, folder);
  making.catchUp();
  making.close();
  const builtS = (performance.now() - from) / 1000;
  const times: number[] = [];
  for (let i = 0; i < 40; i++) {
    const key = Math.floor((rows * i) / 40);
    const started = performance.now();
    const index = openAuditIndex(path, folder);
    index.catchUp();
    const { returned } = index.whoRead({ table: TABLE, digests: [KEYS.keyDigest(TABLE, [key])] });
    index.close();
    times.push(performance.now() - started);
    if (returned.requests !== 1 || returned.by.length !== 1)
      throw new Error(`nobody is said to have read ${key}`);
  }
  const mb = statSync(path).size / 1e6;
  const verified = performance.now();
  if (verifyAudit(folder, { keys: KEYS }).findings.length > 0) throw new Error('the log is broken');
  const verifyS = (performance.now() - verified) / 1000;
  return [
    limitBar(
      'audit',
      `ms, who-read over ${rows} rows, the slowest of 40 (index ${mb.toFixed(0)} MB, made in ${builtS.toFixed(1)} s; verify takes ${verifyS.toFixed(1)} s)`,
      Math.max(...times),
      1000,
    ),
  ];
}

const TABLE = 'github_issues';

const AGENTS: readonly Grant[] = Array.from({ length: 50 }, (_, i) => ({
  ...OWNER_GRANT,
  subject: `agent-${i}`,
  principal: { agent: `agent-${i}`, host: 'desk', delegates: i % 2 ? [{ agent: 'reader' }] : [] },
  tokenIds: ['ab'.repeat(64)],
}));

const event = (first: number, rows: number): AuditEvent => ({
  action: 'query',
  grant: AGENTS[first % AGENTS.length],
  outcome: 'granted',
  rows,
  planHash: 'a'.repeat(32),
  reads: [
    {
      table: TABLE,
      how: 'returned',
      columns: ['id', 'title', 'state'],
      snapshot: '2026-11-20T10-00-00Z',
      keys: Array.from({ length: rows }, (_, i) => [first + i]),
    },
  ],
});

async function inFlight(
  log: AuditLog,
  queries: number,
  eventOf: (n: number) => AuditEvent,
  workers = IN_FLIGHT,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < queries) await log.record(eventOf(next++));
  };
  await Promise.all(Array.from({ length: workers }, worker));
}
