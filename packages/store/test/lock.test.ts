import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { acquireWriterLock, type LockHolder, nodeFiles } from '../src/index.ts';
import { emptyRoot, realClock } from './support/test-store.ts';

const request = (root: string, parts: object = {}) => ({
  paths: { lock: join(root, 'cache/x.lock'), lockHolder: join(root, 'cache/x.lock.json') },
  command: 'test one',
  waitMs: 0,
  files: nodeFiles,
  clock: realClock,
  ...parts,
});

test('the second is told who holds the lock, and gets it once it is released', async (t) => {
  const root = emptyRoot(t);
  const first = await acquireWriterLock(request(root));
  await assert.rejects(acquireWriterLock(request(root, { command: 'test two' })), {
    code: 'store.locked',
    message: new RegExp(`process ${process.pid} \\(test one\\) since \\d{4}-`),
  });
  first.release();
  (await acquireWriterLock(request(root))).release();
});

test('who may wait is told once for whom, and gets the lock', async (t) => {
  const root = emptyRoot(t);
  const first = await acquireWriterLock(request(root));
  const told: (LockHolder | undefined)[] = [];
  const second = acquireWriterLock(
    request(root, {
      waitMs: 10_000,
      onWait: (holder: LockHolder | undefined) => {
        told.push(holder);
        setTimeout(() => first.release(), 250);
      },
    }),
  );
  (await second).release();
  assert.deepEqual(
    told.map((holder) => [holder?.pid, holder?.command]),
    [[process.pid, 'test one']],
  );
});

test('the wait ends when it is interrupted', async (t) => {
  const root = emptyRoot(t);
  const first = await acquireWriterLock(request(root));
  const stop = new AbortController();
  const onWait = (): void => stop.abort(new Error('stopped'));
  await assert.rejects(
    acquireWriterLock(request(root, { waitMs: 60_000, signal: stop.signal, onWait })),
    /stopped/,
  );
  first.release();
});

test('a lock whose holder was killed is free at once, whatever it left in the folder', async (t) => {
  const root = emptyRoot(t);
  mkdirSync(join(root, 'cache'), { recursive: true });
  const script = `
    const { DatabaseSync } = require('node:sqlite');
    const db = new DatabaseSync(process.argv[1]);
    db.exec('BEGIN EXCLUSIVE');
    process.stdout.write('held');
    setInterval(() => db.isOpen, 1000);`;
  const child = spawn(process.execPath, ['-e', script, request(root).paths.lock], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.after(() => child.kill('SIGKILL'));
  await new Promise((resolve) => child.stdout.once('data', resolve));
  writeFileSync(request(root).paths.lockHolder, '{"pid": 1, torn');
  await assert.rejects(acquireWriterLock(request(root)), {
    code: 'store.locked',
    message: /written by another process/,
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  (await acquireWriterLock(request(root))).release();
});
