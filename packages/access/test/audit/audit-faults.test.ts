import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { seededRandom, TEST_SEED } from '../../../../test/support/random.ts';
import { diskOf, FAULTS, type Fault, faultFiles } from '../../../store/test/support/fault-files.ts';
import { verifyAudit } from '../../src/audit/index.ts';
import { auditFolder, KEYS, openTestAudit, returned, testClock } from './support.ts';

/** Every operation in the long suite; otherwise as many as fit in the time. */
const BUDGET_MS = process.env.HAKIRI_CRASH_COUNT === undefined ? 2_000 : Number.POSITIVE_INFINITY;

/** Two records of before; then some alone and some together over a change of day, with the disk failing at one operation. */
async function strike(t: TestContext, fault: Fault, at: number, random: () => number): Promise<number> {
  const { folder, node } = auditFolder(t);
  const clock = testClock();
  const before = openTestAudit(folder, { clock });
  await before.record(returned('t', [0]));
  await before.record(returned('t', [1]));
  await before.close();
  const root = dirname(dirname(folder));
  copyFileSync(join(node, 'head'), join(root, 'head-before'));
  const files = faultFiles({ root, fault, at, random, disk: diskOf(root) });
  const log = openTestAudit(folder, { clock, files, checkpointEvery: { records: 4, ms: 1e9 } });
  const acknowledged = new Set([0, 1]);
  const refused = new Set<number>();
  const record = (n: number): Promise<void> =>
    log.record({ ...returned('t', [n]), target: `n${n}` }).then(
      () => void acknowledged.add(n),
      (error: { code?: string }) => {
        assert.equal(error.code, 'audit.unavailable');
        refused.add(n);
      },
    );
  await record(2);
  await Promise.all([3, 4, 5].map(record));
  clock.set('2026-11-21T10:00:00.000Z');
  await record(6);
  const wasStruck = files.struck;
  await record(7);
  await log.close();
  const isAlive = fault === 'eio' || fault === 'full';
  if (fault === 'eio' && wasStruck) assert.ok(acknowledged.has(7), 'one error stops nobody');
  if (isAlive) check(folder, acknowledged, refused);
  // SQLite's and the head's own bytes are not the injected disk's: a power cut may have set the head back.
  if (fault === 'lost' && random() < 0.7) {
    if (random() < 0.5) copyFileSync(join(root, 'head-before'), join(node, 'head'));
    else rmSync(join(node, 'head'), { force: true });
  }
  const after = openTestAudit(folder, { clock: testClock('2026-11-21T11:00:00.000Z') });
  await after.record({ ...returned('t', [8]), target: 'n8' });
  await after.close();
  check(folder, new Set([...acknowledged, 8]), isAlive ? refused : new Set());
  return files.operations;
}

/** What was acknowledged is in the log once, and the chain holds. */
function check(folder: string, acknowledged: ReadonlySet<number>, refused: ReadonlySet<number>): void {
  const { nodes, findings } = verifyAudit(folder, { keys: KEYS });
  assert.deepEqual(findings, []);
  const node = join(folder, nodes[0]?.node ?? '');
  const text = ['2026-11-20.jsonl', '2026-11-21.jsonl']
    .map((name) => join(node, name))
    .map((path) => (existsSync(path) ? readFileSync(path, 'utf8') : ''))
    .join('');
  for (let n = 2; n <= 8; n++) {
    const count = text.split(`"target":"n${n}"`).length - 1;
    if (acknowledged.has(n)) assert.equal(count, 1, `record ${n} was acknowledged`);
    if (refused.has(n)) assert.equal(count, 0, `record ${n} was refused`);
    assert.ok(count <= 1, `record ${n} is there twice`);
  }
}

for (const fault of FAULTS) {
  test(`an acknowledged record is kept, a refused one leaves nothing: ${fault} (HAKIRI_SEED=${TEST_SEED})`, async (t) => {
    const random = seededRandom(TEST_SEED);
    const operations = await strike(t, fault, Number.POSITIVE_INFINITY, random.next);
    assert.ok(operations > 15);
    const places = Array.from({ length: operations }, (_, i) => i + 1);
    const order = places.map((at) => ({ at, by: random.next() })).sort((a, b) => a.by - b.by);
    const deadline = performance.now() + BUDGET_MS / FAULTS.length;
    for (const { at } of order) {
      if (performance.now() > deadline) break;
      try {
        await strike(t, fault, at, random.next);
      } catch (error) {
        throw new Error(`${fault} at operation ${at} with HAKIRI_SEED=${TEST_SEED}`, { cause: error });
      }
    }
  });
}
