import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { compileKernel, KERNEL_PATH } from '../../../../scripts/build-kernel.ts';

test('the committed kernel is what its source compiles to', async () => {
  const compiled = await compileKernel();
  assert.ok(readFileSync(KERNEL_PATH).equals(compiled), 'run npm run build:kernel');
});
