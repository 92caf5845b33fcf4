import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { compileKernel, kernelPath, SCAN_KERNEL } from '../../../../scripts/build-kernel.ts';

test('the committed kernel is what its source compiles to', async () => {
  const compiled = await compileKernel(SCAN_KERNEL);
  assert.ok(readFileSync(kernelPath(SCAN_KERNEL)).equals(compiled), 'run npm run build:kernel');
});
