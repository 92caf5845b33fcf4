import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AuditEvent, type Clock, type Files, type Grant, OWNER_GRANT } from '@hakiri/core';
import { nodeFiles } from '../../../store/src/disk/node-files.ts';
import { type AuditLog, type AuditOptions, auditKeys, openAudit } from '../../src/audit/index.ts';

export const NODE = '01JABCDEFGHJKMNPQRSTVWXYZ1';
export const KEYS = auditKeys(Buffer.alloc(32, 7));
export const OTHER_KEYS = auditKeys(Buffer.alloc(32, 8));

export interface TestClock extends Clock {
  /** Of the wall. */
  set(iso: string): void;
}

export function testClock(start = '2026-11-20T10:00:00.000Z'): TestClock {
  let ms = Date.parse(start);
  return {
    nowMs: () => ms++,
    monotonicMs: () => performance.now(),
    sleep: (forMs) => sleep(forMs),
    set: (iso) => {
      ms = Date.parse(iso);
    },
  };
}

/** An empty `.hakiri/audit` and where its node writes. */
export function auditFolder(t: TestContext): { readonly folder: string; readonly node: string } {
  const root = mkdtempSync(join(tmpdir(), 'hakiri-audit-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const folder = join(root, '.hakiri', 'audit');
  return { folder, node: join(folder, NODE) };
}

export function openTestAudit(
  folder: string,
  options: Partial<AuditOptions> & { files?: Files } = {},
): AuditLog {
  return openAudit({ files: nodeFiles, clock: testClock(), folder, node: NODE, keys: KEYS, ...options });
}

export const LEAD: Grant = {
  ...OWNER_GRANT,
  subject: 'planner',
  principal: {
    agent: 'planner',
    host: 'desk',
    onBehalfOf: 'ada',
    task: 'weekly report',
    delegates: [{ agent: 'reader', task: 'orders' }, { agent: 'summer' }],
  },
  tokenIds: ['aa'.repeat(64), 'bb'.repeat(64)],
  digest: 'grant-of-planner',
  via: 'mcp',
};

export function returned(
  table: string,
  keys: readonly (string | number)[],
  grant: Grant = OWNER_GRANT,
): AuditEvent {
  return {
    action: 'query',
    grant,
    outcome: 'granted',
    rows: keys.length,
    reads: [{ table, how: 'returned', columns: ['id'], keys: keys.map((key) => [key]) }],
  };
}
