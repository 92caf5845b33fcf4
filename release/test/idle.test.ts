import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readBudgets } from '../src/budgets.ts';
import { releasedProgram } from './support/released.ts';

const MOST_IDLE_BYTES = readBudgets().core.idle_mb * 1_000_000;
const SETTLED_MS = 12_000;

/** Waits for its standard input; gives what it holds after a while, and how it then answers. */
async function idle(env: Readonly<Record<string, string>>) {
  const child = spawn(`${releasedProgram('core')}-unpacked/hakiri`, ['token', 'inspect'], { env });
  await sleep(SETTLED_MS);
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  const residentBytes = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
  const [said] = await Promise.all([text(child.stderr), child.stdin.end('nonsense'), once(child, 'exit')]);
  return { residentBytes, said };
}

test('an idle process gives memory back, and goes on where it was', async () => {
  const [trimmed, kept] = await Promise.all([idle({}), idle({ HAKIRI_IDLE_TRIM: '0' })]);
  assert.ok(trimmed.residentBytes < MOST_IDLE_BYTES, `${trimmed.residentBytes} bytes`);
  assert.ok(trimmed.residentBytes < kept.residentBytes / 2, `${kept.residentBytes} bytes without`);
  assert.match(trimmed.said, /^error\[token\./);
  assert.equal(trimmed.said, kept.said);
});
