import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { bundledProgram } from './bundle.ts';
import { emptyFolder } from './harness.ts';

const INSTALL = join(import.meta.dirname, '../../../../scripts/install-servers.sh');

/** Skips so that nobody overlooks it: a test that never ran has shown nothing. */
export function skipLoudly(t: TestContext, why: string): void {
  process.stderr.write(`\n*** NOT TESTED: ${t.name}: ${why}\n\n`);
  t.skip(why);
}

/** Whether the tools are there, installed if need be; otherwise the test is skipped. */
export function hasTools(t: TestContext, ...tools: readonly string[]): boolean {
  const missing = () => tools.filter((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0);
  if (missing().length > 0 && process.getuid?.() === 0) spawnSync('sh', [INSTALL], { stdio: 'inherit' });
  if (missing().length === 0) return true;
  skipLoudly(t, `${missing().join(', ')} cannot be installed here`);
  return false;
}

/** A folder with the program as a command `hakiri`, to put on the PATH. */
export function commandFolder(t: TestContext): string {
  const folder = emptyFolder(t, 'bin');
  const command = join(folder, 'hakiri');
  writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${bundledProgram()}" "$@"\n`);
  chmodSync(command, 0o755);
  return folder;
}
