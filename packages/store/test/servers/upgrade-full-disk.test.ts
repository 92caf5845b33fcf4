import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { layout, nodeFiles, STORE_FORMAT } from '../../src/index.ts';
import { upgradeStore } from '../../src/upgrade/upgrade-store.ts';
import { catalogSummary } from '../support/earlier/questions.ts';
import { EARLIER_PROJECT, unpackEarlier } from '../support/earlier/unpack.ts';
import { realClock } from '../support/test-store.ts';

const KB = 1024;

test('a disk that fills up during an upgrade leaves the old store, which is upgraded once there is room', async (t) => {
  const earlier = unpackEarlier(t, 'first');
  const disk = mkdtempSync(join(tmpdir(), 'hakiri-full-'));
  t.after(() => {
    spawnSync('umount', ['-l', disk]);
    rmSync(disk, { recursive: true, force: true });
  });
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk], {
    encoding: 'utf8',
  });
  if (status !== 0) {
    process.stderr.write(`\n*** NOT TESTED: a disk cannot be mounted: ${stderr}\n\n`);
    return t.skip();
  }
  const root = join(disk, '.hakiri');
  const paths = layout(root, EARLIER_PROJECT);
  const place = { files: nodeFiles, clock: realClock, paths };
  const config = (): string => readFileSync(paths.config, 'utf8');
  const failures: string[] = [];
  // From no room at all to room for everything.
  for (let free = 0; ; free += 12 * KB) {
    rmSync(root, { recursive: true, force: true });
    cpSync(earlier.root, root, { recursive: true });
    const before = config();
    leave(disk, free);
    const outcome = await upgradeStore(place).then(
      () => 'done',
      (error: { readonly code: string }) => error.code,
    );
    rmSync(join(disk, 'filler'));
    if (outcome === 'done') break;
    failures.push(outcome);
    assert.equal(config(), before, `${free} bytes free`);
    assert.equal(catalogSummary(paths.catalog).catalog, 1, `${free} bytes free`);
    requireWhole(paths.catalog);
    const left = await nodeFiles.list(paths.backups);
    assert.deepEqual(left, [], `${free} bytes free`);
    await upgradeStore(place);
    assert.equal(catalogSummary(paths.catalog).catalog, STORE_FORMAT);
    assert.equal(readdirSync(paths.backups).length, 1);
  }
  assert.ok(failures.length > 3, failures.join());
  assert.deepEqual([...new Set(failures)], ['store.disk_full']);
});

/** Fills a disk but for so many bytes. */
function leave(disk: string, free: number): void {
  const { stdout } = spawnSync('df', ['--output=avail', '-B1', disk], { encoding: 'utf8' });
  const available = Number(stdout.trim().split('\n').at(-1));
  writeFileSync(join(disk, 'filler'), Buffer.alloc(Math.max(0, available - free)));
}

function requireWhole(catalog: string): void {
  const db = new DatabaseSync(catalog);
  assert.equal(db.prepare('PRAGMA integrity_check').get()?.integrity_check, 'ok');
  db.close();
}
