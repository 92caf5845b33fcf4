import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fuzzCount, TEST_SEED } from '../../test/support/random.ts';
import { describeFile, packPayload } from '../src/payload.ts';
import { compileTool } from './support/tool.ts';

const SANITIZED = ['-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-lzstd', '-pthread'];
const MODULES = ['payload', 'sha256', 'unpack', 'seal', 'remove-folder'];

test('whatever is appended to the launcher is unpacked as it should be, or refused', async (t) => {
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'hakiri-payload-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const contents = { hakiri: '#!/bin/sh\n', one: 'a line of text\n'.repeat(50), two: '\0'.repeat(3000) };
  for (const [name, content] of Object.entries(contents)) writeFileSync(join(folder, name), content);
  const files = Object.keys(contents).map((name) => describeFile(folder, name));
  const payload = join(folder, 'payload');
  writeFileSync(payload, (await packPayload(folder, 'core-0123456789abcdef', files, 0)).bytes);
  const cache = join(folder, 'cache');
  mkdirSync(cache, { mode: 0o700 });

  const fuzz = compileTool('fuzz-payload', folder, { launcher: MODULES, flags: SANITIZED });
  const args = [payload, cache, String(TEST_SEED), String(fuzzCount(20_000))];
  const { status, stdout, stderr } = spawnSync(fuzz, args, { encoding: 'utf8', timeout: 60_000 });
  assert.equal(status, 0, `HAKIRI_SEED=${TEST_SEED} ${stdout}${stderr}`);
  t.diagnostic(stdout.trim());
});
