import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './released.ts';

export type Environment = Readonly<Record<string, string>>;

export const NOT_STARTED = 70;

/** Folders of unpacked versions below a home, or whatever else lies there and is not a lock. */
export function contents(cache: string): readonly string[] {
  return readdirSync(cache).filter((name) => name !== '.lock');
}

export function cacheIn(home: string): string {
  return join(home, '.cache/hakiri');
}

/** Released programs and small ones say different things, but on standard output alone. */
export function assertStarts(program: string, env: Environment): void {
  const { code, stdout, stderr } = run(program, ['--help'], { env });
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /^(USAGE|build \d)\n/);
}

/** With one line that says what happened, and one that says what to do. */
export function assertRefuses(program: string, env: Environment, message: RegExp): void {
  const { code, stdout, stderr } = run(program, ['--help'], { env });
  assert.match(stderr, message);
  assert.match(stderr, /^error\[release\.not_started\]: [^\p{Cc}]+\nhint: [^\p{Cc}]+\n$/u);
  assert.deepEqual([code, stdout], [NOT_STARTED, '']);
}
