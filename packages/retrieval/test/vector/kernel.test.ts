import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { compileKernel, kernelPath, VECTOR_KERNEL } from '../../../../scripts/build-kernel.ts';

test('the committed kernel is what its source compiles to', async () => {
  const compiled = await compileKernel(VECTOR_KERNEL);
  assert.ok(readFileSync(kernelPath(VECTOR_KERNEL)).equals(compiled), 'run npm run build:kernel');
});
